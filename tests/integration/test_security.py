"""TLS, passwords, tokens, rights: on a real broker and a real store, whoever is right is let in, the rest told why."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from minio import Minio as Client
from urllib3 import PoolManager

from consumer.cli.checks import Finding, findings
from consumer.client.problems import UploadError
from consumer.client.store import Bucket
from consumer.events.topics import Topics
from consumer.settings import Settings, load_settings
from tests.integration.acls import Acls, Right, rights
from tests.integration.commands import COMMANDS, SCALING, Commands
from tests.integration.conftest import BUCKET, PARTITIONS
from tests.integration.credentials import RIGHT, WRONG, WRONG_PASSWORD, as_user, in_files, with_tokens
from tests.integration.secured import (
    KEY_PASSWORD,
    PASSWORD,
    TOKEN_SECONDS,
    USER,
    WORKER,
    Secured,
    secured_broker,
)
from tests.integration.system import Audit, System
from tests.integration.topic_maker import make_topics
from tests.integration.worker_process import WorkerProcess, wait_until, worker_process
from tests.runpod_server import RunpodServer
from tests.services.minio import Minio

pytestmark = pytest.mark.timeout(120)
JOB: dict[str, Any] = {"video_url": f"s3://{BUCKET}/short.mp4", "chunk_duration": 5, "chunk_overlap": 1}


@pytest.fixture(scope="module")
def secured(fetched: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    with secured_broker(tmp_path_factory.mktemp("certificates")) as broker:
        yield broker


@pytest.fixture(scope="module")
def store(secured: Secured, tmp_path_factory: pytest.TempPathFactory, short_video_file: Path) -> Iterator[Minio]:
    """A store that speaks https, with a film in it."""
    certificates = tmp_path_factory.mktemp("store")
    secured.certificates.for_store(certificates)
    with Minio(certificates) as server:
        pool = PoolManager(ca_certs=secured.certificates.authority)
        client = Client(server.endpoint, server.access_key, server.secret_key, http_client=pool)
        client.make_bucket(BUCKET)
        client.fput_object(BUCKET, "short.mp4", str(short_video_file))
        yield server


def deployment(secured: Secured, store: Minio | None, directory: Path) -> System:
    """Fresh topics and a fresh group on the broker; without a store, one that nobody asks."""
    topics = Topics(f"t{uuid.uuid4().hex[:10]}")
    make_topics(secured.kafka.bootstrap, topics, PARTITIONS)
    values = {"S3_ENDPOINT": "127.0.0.1:1"}
    if store is not None:
        values = {
            "S3_ENDPOINT": store.endpoint,
            "S3_ACCESS_KEY": store.access_key,
            "S3_SECRET_KEY": store.secret_key,
            "S3_SSL_CA_LOCATION": secured.certificates.authority,
        }
    return System(secured.kafka.bootstrap, topics, PARTITIONS, values, BUCKET, directory)


def settings_of(environment: Mapping[str, str]) -> Settings:
    return load_settings(environment=environment).settings


def broker_line(environment: Mapping[str, str]) -> Finding:
    """What `check` says of the broker."""
    return next(iter(findings(settings_of(environment), quick=True)))


@pytest.fixture(scope="module")
def at_work(
    secured: Secured, store: Minio, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[System, WorkerProcess]]:
    """A worker with tokens, which grow old while other tests run."""
    directory = tmp_path_factory.mktemp("tokens")
    system = deployment(secured, store, directory)
    log = directory / "worker.log"
    with Acls(system, WORKER).given(rights("run")), worker_process(with_tokens(secured, system, WORKER), log) as worker:
        system.submit("early", partition=0, **JOB)
        yield system, worker


@pytest.mark.usefixtures("at_work")
@pytest.mark.parametrize("who", RIGHT)
def test_whoever_says_rightly_who_he_is_is_let_in(secured: Secured, who: str) -> None:
    line = broker_line(RIGHT[who](secured))
    assert (line.ok, line.found) == (True, "1 broker up.")


def test_tokens_have_the_scope_that_is_asked_for(secured: Secured) -> None:
    assert broker_line(secured.token()).ok
    assert set(secured.tokens.scopes) == {"jobs"}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_in_one_sentence(secured: Secured, what: str) -> None:
    environment, told = WRONG[what]
    line = broker_line(environment(secured))
    assert line.ok is False
    assert line.to_do is not None
    sentence = f"{line.found.removesuffix('.')}; {line.to_do[0].lower()}{line.to_do[1:]}"
    assert told.lower() in sentence.lower()
    assert not any(secret in sentence for secret in (PASSWORD, KEY_PASSWORD, *WRONG_PASSWORD.values()))


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(monkeypatch, capsys)


REFUSED: dict[str, tuple[str, ...]] = {
    "password": ("submit", "s3://videos/x.mp4"),
    "authority": SCALING,
    "expired": ("run",),
    "host name": ("run",),
}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`run` may be called in this process: it leaves logging and signals as they were."""
    monkeypatch.setattr("consumer.worker.configure_logging", lambda *_: None)
    monkeypatch.setenv("HTTP_PORT", "0")
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("what", REFUSED)
def test_whoever_is_refused_ends_with_that_sentence(secured: Secured, here: None, what: str, command: Commands) -> None:
    environment, told = WRONG[what]
    with RunpodServer() as runpod:
        pods = {"RUNPOD_API_URL": runpod.url, "RUNPOD_API_KEY": runpod.cloud.key}
        code = command(environment(secured) | pods, *REFUSED[what])
    assert (code, command.error.count("\n")) == (4, 1), command.error
    assert told in command.error


@dataclass(frozen=True, slots=True)
class Worked:
    """A deployment where a worker with exactly its rights was, and what it logged."""

    system: System
    log: str


@pytest.fixture(scope="module")
def worked(secured: Secured, store: Minio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worked]:
    """A worker with a password, over TLS to both, its secrets in files, and no right that the page does not list."""
    directory = tmp_path_factory.mktemp("worked")
    system = deployment(secured, store, directory)
    environment = in_files(
        as_user(secured, system, WORKER), ("KAFKA_SASL_PASSWORD", "S3_SECRET_KEY"), directory / "secrets"
    )
    audit = Audit(system)
    with Acls(system, WORKER).given(rights("run")):
        with worker_process(environment, directory / "worker.log") as worker:
            worker.wait_ready()
            for number in range(3):
                system.submit(f"job-{number}", **JOB)
            system.produce(b"no job", key="no id")
            audit.wait_finals(3)
            wait_until(lambda: audit.reader.read(0.1) and audit.dead_letters(), seconds=30, what="a dead letter")
            worker.signal(signal.SIGTERM)
            assert worker.wait() == 0
        audit.close()
        yield Worked(system, worker.log.read_text())


def test_a_store_whom_nobody_vouches_for_is_not_spoken_to(secured: Secured, worked: Worked) -> None:
    environment = worked.system.environment()
    Bucket(settings_of(environment)).check()
    stranger = environment | {"S3_SSL_CA_LOCATION": secured.certificates.stranger}
    with pytest.raises(UploadError, match=r"certificate verify failed.*S3_SECURE and S3_SSL_CA_LOCATION"):
        Bucket(settings_of(stranger)).check()


def test_with_exactly_its_rights_a_worker_does_its_jobs_once(worked: Worked, store: Minio) -> None:
    audit = Audit(worked.system)
    audit.wait_finals(3)
    audit.check()
    assert {one["status"] for one in audit.finals()} == {"succeeded"}
    assert len(audit.chunks("job-0")) == 5
    audit.close()
    assert not any(secret in worked.log for secret in (PASSWORD, store.secret_key))
    assert "authorization failed" not in worked.log


@pytest.mark.parametrize("missing", rights("run"), ids=str)
def test_a_worker_without_one_of_its_rights_says_which(
    secured: Secured, worked: Worked, here: None, missing: Right, command: Commands
) -> None:
    environment = as_user(secured, worked.system, WORKER)
    with Acls(worked.system, WORKER).without(missing):
        # Broker, topics, group; what comes after them has nothing to do with rights.
        checked = islice(findings(settings_of(environment), quick=True), 3)
        (wrong,) = [line for line in checked if not line.ok]
        assert named(missing, worked.system) in wrong.found
        assert command(environment, "run") == 4
    assert command.error.splitlines()[-1].startswith(wrong.found.removesuffix("."))


def named(right: Right, system: System) -> str:
    """How a sentence calls the resource."""
    name = right.named(system)
    return f"begin with {system.group}." if name.endswith("*") else f" {name}"


MISSING = [(name, right) for name in COMMANDS for right in rights(name)]


@pytest.fixture
def anew(worked: Worked) -> System:
    """The same topics, and one more dead letter, for a group that nobody has heard of."""
    producer = Producer({"bootstrap.servers": worked.system.bootstrap})
    producer.produce(worked.system.topics.dead_letters, b"no job", b"k", partition=0)
    assert producer.flush(20) == 0
    return replace(worked.system, group=f"group-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def asked(secured: Secured, anew: System) -> Iterator[dict[str, str]]:
    """The settings of whoever gives the commands."""
    with RunpodServer() as runpod:
        yield as_user(secured, anew, USER) | {"RUNPOD_API_URL": runpod.url, "RUNPOD_API_KEY": runpod.cloud.key}


@pytest.mark.parametrize("name", COMMANDS)
def test_with_exactly_its_rights_a_command_does_its_work(
    anew: System, asked: dict[str, str], name: str, command: Commands
) -> None:
    with Acls(anew, USER).given(rights(name)):
        assert command(asked, *COMMANDS[name]) == 0, command.error


@pytest.mark.parametrize(("name", "missing"), MISSING, ids=[f"{name}: {right}" for name, right in MISSING])
def test_a_command_without_one_of_its_rights_says_which(
    anew: System, asked: dict[str, str], name: str, missing: Right, command: Commands
) -> None:
    acls = Acls(anew, USER)
    with acls.given(rights(name)), acls.without(missing):
        code = command(asked, *COMMANDS[name])
    assert (code, command.error.count("\n")) == (4, 1), (code, command.out, command.error)
    assert named(missing, anew) in command.error


def test_topics_are_made_with_that_right_alone(secured: Secured, tmp_path: Path, command: Commands) -> None:
    topics = Topics(f"t{uuid.uuid4().hex[:10]}")
    system = System(secured.kafka.bootstrap, topics, PARTITIONS, {}, BUCKET, tmp_path)
    acls, wanted = Acls(system, USER), rights("topics create")
    environment = as_user(secured, system, USER) | {"TOPIC_PARTITIONS": "1"}
    with acls.given(wanted):
        for missing, code in zip(wanted, (1, 4), strict=True):
            with acls.without(missing):
                assert command(environment, "topics", "create") == code
            assert "Kafka does not let this client" in command.error
        assert command(environment, "topics", "create") == 0, command.error


def test_a_worker_lives_on_with_new_tokens_until_a_right_is_taken_from_it(
    secured: Secured, at_work: tuple[System, WorkerProcess]
) -> None:
    system, worker = at_work
    with closing(Audit(system)) as audit:
        audit.wait_finals(1)
        # Four fifths of the time of the first, and of the second: those of its start hold no more.
        given, twice = secured.tokens.given[WORKER], 1.6 * TOKEN_SECONDS[WORKER]
        wait_until(lambda: given[-1] - given[0] >= twice, seconds=30, what="a second new token")
        # The same partition, and so a producer that has been there since the start.
        system.submit("after-new-tokens", partition=0, **JOB)
        audit.wait_finals(2)
        audit.check()
        assert {one["status"] for one in audit.finals()} == {"succeeded"}
    assert "authentication" not in worker.log.read_text().lower()
    with Acls(system, WORKER).without(Right("topic", "video.chunk-results", "Write")):
        system.submit("late", **JOB)
        assert worker.wait(60) == 4
    assert f"use a topic of {system.topics.prefix}; give" in worker.log.read_text().splitlines()[-1]
