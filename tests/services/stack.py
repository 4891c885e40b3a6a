"""What `make services` offers a person: Kafka with topics, MinIO with its bucket, Prometheus, and the settings."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from minio import Minio as Client

from tests.services.errors import ServicesError
from tests.services.kafka import KafkaCluster
from tests.services.minio import Minio
from tests.services.prometheus import Prometheus

BUCKET = "videos"
CREATE_TOPICS = ("topics", "create")
"""The client's words, as the README has them; docker-compose.yml says the same."""
WORKERS = ("127.0.0.1:9400",)
"""Where Prometheus looks for workers: HTTP_PORT, as it is when nobody sets it."""


@contextlib.contextmanager
def running_stack() -> Iterator[dict[str, str]]:
    """The servers, with topics and bucket; yields the settings by their names in the environment.

    Raises:
        ServicesError: a server or the topics cannot be had.
    """
    with KafkaCluster() as kafka, Minio() as minio, Prometheus(WORKERS) as prometheus:
        Client(minio.endpoint, minio.access_key, minio.secret_key, secure=False).make_bucket(BUCKET)
        settings = {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
            "S3_ENDPOINT": minio.endpoint,
            "S3_ACCESS_KEY": minio.access_key,
            "S3_SECRET_KEY": minio.secret_key,
            "S3_SECURE": "false",
            "S3_BUCKET": BUCKET,
            "PROMETHEUS_URL": f"http://{prometheus.address}",
        }
        _create_topics(settings)
        yield settings


def _create_topics(settings: dict[str, str]) -> None:
    """As the README tells a person to."""
    program = Path(sys.executable).with_name("video-consumer")
    done = subprocess.run([program, *CREATE_TOPICS], env={**os.environ, **settings}, capture_output=True, text=True)
    if done.returncode != 0:
        raise ServicesError(f"`video-consumer {' '.join(CREATE_TOPICS)}` failed: {done.stderr.strip()}")
