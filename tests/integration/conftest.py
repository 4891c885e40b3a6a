"""The real servers, one of each a run, and what a test needs on them: fresh topics, a bucket, files."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from minio import Minio as Client

from consumer.events.topics import Topics
from tests.integration.bad_media import Uploads
from tests.integration.system import Audit, System
from tests.integration.topic_maker import make_topics
from tests.media_files import make_video, ten_minutes_of_full_hd
from tests.registry_server import RegistryServer
from tests.services.downloads import actionlint_program, compose_program, kafka_libs, minio_program, prometheus_programs
from tests.services.fetching import fetch_first
from tests.services.jvm import java, java_environment
from tests.services.kafka import KafkaCluster
from tests.services.minio import Minio

SCHEMAS = Path(__file__).parents[2] / "schemas"
PARTITIONS = 4
BUCKET = "videos"


ENGINE_STARTS = ("test_demo", "test_real_model", "test_token_counts", "test_vllm_engine")
"""Modules that load a model, or the libraries for it: a minute of all cores each, so never two at a time, and first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A module's tests stay together, for its fixtures' sake, where several processes share the modules."""
    items.sort(key=lambda item: item.path.stem not in ENGINE_STARTS)
    for item in items:
        name = item.path.stem
        item.add_marker(pytest.mark.xdist_group("engine" if name in ENGINE_STARTS else name))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch the servers before any test's clock runs: with an empty cache that takes minutes."""
    fetch_first(session, "fetched", _fetch)
    fetch_first(session, "linters", _fetch_linters)


def _fetch() -> None:
    kafka_libs()
    minio_program()
    prometheus_programs()


def _fetch_linters() -> None:
    compose_program()
    actionlint_program()


@pytest.fixture(scope="session")
def linters() -> None:
    """The programs that read files for Docker and GitHub are in the cache."""
    _fetch_linters()


@pytest.fixture(scope="session")
def fetched() -> None:
    """The servers' programs are in the cache; whoever starts servers asks for this."""
    _fetch()


@pytest.fixture(scope="session")
def kafka(fetched: None) -> Iterator[KafkaCluster]:
    """One broker for the whole run; tests that take a broker away start their own."""
    # Compaction in a second: every 15 by default.
    with KafkaCluster(properties={"log.cleaner.backoff.ms": "500"}) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def minio(fetched: None) -> Iterator[Minio]:
    """One store for the whole run."""
    with Minio() as server:
        yield server


@pytest.fixture(scope="session")
def bucket_client(minio: Minio) -> Client:
    """The store's client, with the bucket in place."""
    client = Client(minio.endpoint, minio.access_key, minio.secret_key, secure=False)
    client.make_bucket(BUCKET)
    return client


def deployed(kafka: KafkaCluster, minio: Minio, directory: Path, partitions: int = PARTITIONS) -> System:
    """A deployment with fresh topics and a fresh group."""
    topics = Topics(f"t{uuid.uuid4().hex[:10]}")
    make_topics(kafka.bootstrap, topics, partitions)
    store = {
        "S3_ENDPOINT": minio.endpoint,
        "S3_ACCESS_KEY": minio.access_key,
        "S3_SECRET_KEY": minio.secret_key,
        "S3_SECURE": "false",
    }
    return System(kafka.bootstrap, topics, partitions, store, BUCKET, directory)


@pytest.fixture
def system(kafka: KafkaCluster, minio: Minio, bucket_client: Client, tmp_path: Path) -> System:
    """A deployment for one test, with the bucket in place."""
    return deployed(kafka, minio, tmp_path)


@pytest.fixture
def audit(system: System) -> Iterator[Audit]:
    """Reads along in committed mode."""
    audit = Audit(system)
    yield audit
    audit.close()


@pytest.fixture(scope="session")
def short_video_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 s: five chunks of 5 s that share 1 s."""
    path = tmp_path_factory.mktemp("videos") / "short.mp4"
    return make_video(path, seconds=20, width=320, height=240, fps=10)


@pytest.fixture(scope="session")
def short_video(bucket_client: Client, short_video_file: Path) -> str:
    """The address of that file in the store."""
    return _put(bucket_client, short_video_file)


@pytest.fixture(scope="session")
def ten_minutes(bucket_client: Client) -> str:
    """The address of ten minutes of 1080p30 in H.264 and AAC."""
    return _put(bucket_client, ten_minutes_of_full_hd())


@pytest.fixture
def uploads(bucket_client: Client, tmp_path: Path) -> Uploads:
    """Puts files that are no videos into the bucket."""
    return Uploads(bucket_client, BUCKET, tmp_path)


@dataclass(frozen=True, slots=True)
class Registry:
    """A schema registry that knows the schema of this test's jobs under `schema_id`."""

    url: str
    schema_id: int


@pytest.fixture
def registry(system: System) -> Iterator[Registry]:
    with RegistryServer() as server:
        schema = (SCHEMAS / "video-job.avsc").read_text(encoding="utf-8")
        yield Registry(server.url, server.register(f"{system.topics.jobs}-value", schema))


@pytest.fixture
def console_consumer(kafka: KafkaCluster) -> Callable[[str], list[str]]:
    """Kafka's own console consumer, in read_committed mode: every value of a topic, a line each."""

    def read(topic: str) -> list[str]:
        command = java(
            kafka.libs,
            "org.apache.kafka.tools.consumer.ConsoleConsumer",
            *("--bootstrap-server", kafka.bootstrap, "--topic", topic, "--from-beginning"),
            *("--isolation-level", "read_committed", "--timeout-ms", "3000"),
            # Its log would go to stdout, between the values.
            options=("-Dlog4j2.level=OFF",),
        )
        # It ends by its time-out, which is how it says that nothing more came, with exit code 0.
        done = subprocess.run(command, env=java_environment(), capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return read


def _put(client: Client, path: Path) -> str:
    client.fput_object(BUCKET, path.name, str(path))
    return f"s3://{BUCKET}/{path.name}"
