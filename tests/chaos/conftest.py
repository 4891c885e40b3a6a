"""The servers of the chaos tests; one cluster at a time in each process of pytest."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consumer.events.topics import Topics
from tests.chaos.deployment import Deployment
from tests.chaos.endtxn_proxy import EndTxnProxy
from tests.chaos.ground import SHORT_SESSIONS, Ground
from tests.integration.topic_maker import make_topics
from tests.media_files import make_video
from tests.services.downloads import kafka_libs, minio_program, toxiproxy_program
from tests.services.fetching import fetch_first
from tests.services.kafka import KafkaCluster


def pytest_collection_finish(session: pytest.Session) -> None:
    """With an empty cache that takes minutes."""
    fetch_first(session, "programs", _fetch)


def _fetch() -> None:
    kafka_libs()
    minio_program()
    toxiproxy_program()


@pytest.fixture(scope="session")
def programs() -> None:
    """The servers' programs are in the cache."""
    _fetch()


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6 s: three chunks of 2 s."""
    return make_video(tmp_path_factory.mktemp("videos") / "short.mp4", seconds=6, width=160, height=120, fps=5)


@pytest.fixture(scope="module")
def ground(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Three brokers and a store."""
    with Ground(tmp_path_factory.mktemp("ground")) as servers:
        yield servers


@pytest.fixture(scope="module")
def broker(programs: None) -> Iterator[KafkaCluster]:
    """One broker with a second way to it."""
    with KafkaCluster(properties=SHORT_SESSIONS, routed=True) as kafka:
        yield kafka


@pytest.fixture
def way(broker: KafkaCluster) -> Iterator[EndTxnProxy]:
    """What stands in the second way."""
    (route,) = broker.routes
    with EndTxnProxy(route.port, route.behind) as proxy:
        yield proxy


@pytest.fixture
def deploy(broker: KafkaCluster, video: Path, tmp_path: Path) -> Callable[[int], Deployment]:
    """A deployment with that many partitions, whose workers come directly."""

    def make(partitions: int) -> Deployment:
        name = f"c{uuid.uuid4().hex[:8]}"
        make_topics(broker.bootstrap, Topics(name), partitions)
        settings = {
            "ALLOWED_PATHS": str(video.parent),
            # One chunk after the other, and slow enough for each to have a transaction of its own.
            "MAX_CONCURRENT_CHUNKS": "1",
            "SYNTHETIC_SECONDS_PER_CHUNK": "0.4",
        }
        return Deployment(broker.bootstrap, broker.bootstrap, Topics(name), partitions, name, tmp_path, settings)

    return make
