"""docker-compose.yml without Docker: its servers' own commands and settings do a job, started on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]
from minio import Minio as Client

from consumer.events.topics import Topics
from tests.integration.worker_process import KEPT, wait_until, worker_process
from tests.registry_server import RegistryServer
from tests.services.composed import Composed
from tests.services.waiting import wait_ready

pytestmark = pytest.mark.timeout(120)
PROGRAM = Path(sys.executable).with_name("video-consumer")


@pytest.fixture
def composed(fetched: None, linters: None) -> Iterator[Composed]:
    """Everything but the registry and Grafana, which are not to be had here; a stand-in is the registry."""
    with RegistryServer() as registry:
        known = {"schema-registry:8081": registry.url.removeprefix("http://")}
        with Composed(known) as composed:
            yield composed


def video_consumer(composed: Composed, service: str, *words: str) -> str:
    """What the client's container prints when it is called with these words; it must be content."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment = kept | composed.environment(service)
    done = subprocess.run([PROGRAM, *words], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def brokers(address: str) -> list[str]:
    """Where whoever asks at this address is sent; nothing while nobody answers."""
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    try:
        return [f"{one.host}:{one.port}" for one in admin.list_topics(timeout=1.0).brokers.values()]
    except KafkaException:
        return []


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_compose_s_own_servers_do_a_job(composed: Composed, short_video_file: Path, tmp_path: Path) -> None:
    kafka, minio, prometheus = composed.kafka(), composed.minio(), composed.prometheus()
    inside, outside = composed.here("kafka:19092"), composed.here("localhost:9092")
    wait_ready("Kafka", kafka, lambda: brokers(outside) != [])
    composed.kafka_health()
    assert (brokers(inside), brokers(outside)) == ([inside], [outside])
    store = composed.here("minio:9000")
    wait_ready("MinIO", minio, lambda: answers(f"{store}/minio/health/cluster"))
    *_, bucket = composed.services["bucket"]["entrypoint"]
    account = composed.environment("minio")
    client = Client(store, account["MINIO_ROOT_USER"], account["MINIO_ROOT_PASSWORD"], secure=False)
    client.make_bucket(bucket.partition("/")[2])

    admin = AdminClient({"bootstrap.servers": outside})
    given = composed.kafka_properties
    (asked,) = admin.describe_configs([ConfigResource(ResourceType.BROKER, given["node.id"])]).values()
    # Kafka passes over what it does not know, and then holds it to be a secret.
    assert [name for name in given if asked.result(20)[name].value is None] == []
    video_consumer(composed, "topics", *composed.services["topics"]["command"].split())
    topics = Topics("video")
    wanted = {topics.jobs, topics.control, topics.chunk_results, topics.results, topics.dead_letters}
    assert wanted == {name for name in admin.list_topics(timeout=20).topics if not name.startswith("__")}

    # The toy's engine takes a minute to start and has tests of its own.
    host, port = composed.here("consumer:9400").split(":")
    more = {"ENGINE": "synthetic", "HTTP_HOST": host, "HTTP_PORT": port}
    with worker_process(composed.environment("consumer-cpu") | more, tmp_path / "log") as worker:
        worker.wait_ready()
        printed = video_consumer(composed, "client", "submit", str(short_video_file), "--wait")
        assert printed.strip()
        assert worker.metric("jobs_total", status="succeeded") == 1
        assert worker.metric("transactions_total", outcome="committed") > 0

    address = composed.here("prometheus:9090")
    wait_ready("Prometheus", prometheus, lambda: answers(f"{address}/-/ready"))

    def looked_for() -> list[str]:
        with urllib.request.urlopen(f"http://{address}/api/v1/targets", timeout=5) as answer:
            found = json.load(answer)["data"]["activeTargets"]
        return [one["labels"]["instance"] for one in found if one["labels"]["job"] == "video-consumer"]

    assert wait_until(looked_for, seconds=20, what="it knows its target") == [f"{host}:{port}"]
