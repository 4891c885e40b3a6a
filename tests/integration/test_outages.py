"""The store or the broker goes away for half a minute: that costs time, not results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from minio import Minio as Client

from consumer.events.topics import Topics
from tests.integration.system import Audit, System
from tests.integration.topic_maker import make_topics
from tests.integration.worker_process import wait_until, worker_process
from tests.services.kafka import KafkaCluster
from tests.services.minio import Minio

pytestmark = pytest.mark.timeout(400)
AWAY_SECONDS = 30.0


@pytest.fixture
def own(fetched: None, tmp_path: Path, short_video_file: Path) -> Iterator[tuple[System, KafkaCluster, Minio]]:
    """A broker and a store that this test may take away."""
    with KafkaCluster(brokers=1) as kafka, Minio() as minio:
        client = Client(minio.endpoint, minio.access_key, minio.secret_key, secure=False)
        client.make_bucket("mine")
        client.fput_object("mine", "short.mp4", str(short_video_file))
        topics = Topics("video")
        make_topics(kafka.bootstrap, topics, 4)
        store = {
            "S3_ENDPOINT": minio.endpoint,
            "S3_ACCESS_KEY": minio.access_key,
            "S3_SECRET_KEY": minio.secret_key,
            "S3_SECURE": "false",
        }
        system = System(kafka.bootstrap, topics, 4, store, "mine", tmp_path)
        yield system, kafka, minio


def through_an_outage(system: System, go_away: Callable[[], None], come_back: Callable[[], None]) -> None:
    audit = Audit(system)
    environment = system.environment(SYNTHETIC_SECONDS_PER_CHUNK="1.0", MAX_CONCURRENT_CHUNKS="4")
    with worker_process(environment, system.directory / "log") as worker:
        worker.wait_ready()
        for number in range(8):
            system.submit(
                f"job-{number}",
                video_url="s3://mine/short.mp4",
                chunk_duration=5,
                chunk_overlap=1,
                partition=number % 4,
            )
        audit.wait_chunks(3)
        go_away()
        time.sleep(AWAY_SECONDS)
        assert worker.process.poll() is None, "the worker stays"
        come_back()
        audit.wait_finals(8, seconds=150)
        lag = wait_until(
            lambda: sum(offset for offset, _ in system.committed_offsets().values()) == 8, seconds=20, what="no lag"
        )
        assert lag
    audit.check()
    assert {one["status"] for one in audit.finals()} == {"succeeded"}
    # The group may take the partitions away once, when its coordinator is new.
    assert max(one["attempts"] for one in audit.finals()) <= 2
    audit.close()


def test_the_store_is_away(own: tuple[System, KafkaCluster, Minio]) -> None:
    system, _, minio = own
    through_an_outage(system, minio.kill, minio.restart)


def test_the_broker_is_away(own: tuple[System, KafkaCluster, Minio]) -> None:
    system, kafka, _ = own
    through_an_outage(system, lambda: kafka.kill(0), lambda: kafka.restart(0))
