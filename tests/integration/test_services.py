"""The local services themselves: they end with their parent, say what is missing, and bear company."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.integration.worker_process import wait_until
from tests.services.cache import made_once
from tests.services.downloads import kafka_libs, minio_program, prometheus_programs
from tests.services.errors import ServicesError
from tests.services.kafka import KafkaCluster

ROOT = Path(__file__).parents[2]
SECONDS = 30.0


def alive(pid: int) -> bool:
    """Whether the process runs; one that waits for its parent to notice its end does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_parent_leaves_nothing(fetched: None) -> None:
    program = """
        import sys
        from tests.services.kafka import KafkaCluster
        from tests.services.minio import Minio
        with KafkaCluster() as kafka, Minio() as minio:
            kafka.pause(0)
            for service in kafka, minio:
                print(service._sandbox.directory, service._sandbox._guardian.pid)
                print(*(child.pid for child in service._sandbox._children), flush=True)
            sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        words = " ".join(parent.stdout.readline() for _ in range(4)).split()
        parent.kill()
    directories = [Path(word) for word in words if "/" in word]
    pids = [int(word) for word in words if "/" not in word]
    assert (len(directories), len(pids)) == (2, 4)
    wait_until(lambda: not any(map(alive, pids)), seconds=SECONDS, what="the servers and their guardians are gone")
    wait_until(
        lambda: not any(directory.exists() for directory in directories), seconds=SECONDS, what="so are their files"
    )


@pytest.fixture
def only_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """An empty cache, and a PATH that has these tools and no other program."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    programs = tmp_path / "bin"
    programs.mkdir()

    def limit(*names: str) -> None:
        for name in names:
            (programs / name).symlink_to(shutil.which(name) or "")
        monkeypatch.setenv("PATH", str(programs))

    return limit


@pytest.mark.parametrize(
    ("missing", "there", "fetch"),
    [
        ("java", (), kafka_libs),
        ("mvn", ("java",), kafka_libs),
        ("go", (), minio_program),
        ("go", (), prometheus_programs),
    ],
)
def test_a_missing_tool_is_one_sentence(
    missing: str, there: tuple[str, ...], fetch: Callable[[], Path], only_tools: Callable[..., None]
) -> None:
    only_tools(*there)
    with pytest.raises(ServicesError, match=rf"^`{missing}` is needed to .*, but it is not in PATH\. Install .*\.$"):
        fetch()


def test_the_command_says_it_without_a_traceback(only_tools: Callable[..., None], tmp_path: Path) -> None:
    only_tools()
    done = services("start", tmp_path / "services")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "`java` is needed to run Apache Kafka, but it is not in PATH. "
        "Install Java 17 or newer (Debian: openjdk-17-jre-headless) and try again."
    ]


def test_a_failed_fetch_leaves_no_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def fail(directory: Path) -> None:
        (directory / "half").write_text("", encoding="utf-8")
        raise ServicesError("no network")

    with pytest.raises(ServicesError):
        made_once("thing", fail)
    assert not list(tmp_path.rglob("half"))
    made = made_once("thing", lambda directory: (directory / "whole").touch())
    assert [path.name for path in made.iterdir()] == ["whole"]


def test_two_processes_make_an_entry_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    count = tmp_path / "count"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        made = pool.starmap(make_slowly, [(count,)] * 4)
    assert len(set(made)) == 1
    assert count.read_text(encoding="utf-8") == "made\n"


def make_slowly(count: Path) -> Path:
    """Asks for an entry whose making the others come into."""

    def make(directory: Path) -> None:
        with count.open("a", encoding="utf-8") as file:
            file.write("made\n")
        # Until another process waits for the lock; the last of them makes nothing.
        wait_until(lambda: "->" in Path("/proc/locks").read_text(encoding="utf-8"), seconds=SECONDS, what="a rival")
        (directory / "whole").touch()

    return made_once("entry", make)


def write(bootstrap: str, topic: str, value: bytes) -> None:
    """One record that all in-sync replicas have."""
    failures: list[KafkaError | None] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        failures.append(error)

    # A paused leader takes the request and never answers: give up soon, and do not write twice.
    config = {"bootstrap.servers": bootstrap, "enable.idempotence": True, "socket.timeout.ms": 2000}
    producer = Producer(config)
    producer.produce(topic, value, on_delivery=delivered)
    assert producer.flush(SECONDS) == 0
    assert failures == [None]


def read(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    """The first records of a topic with one partition."""
    reader = Consumer({"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest"})
    reader.subscribe([topic])
    found = reader.consume(count, timeout=SECONDS)
    reader.close()
    return [message.value() for message in found]


@pytest.fixture(scope="module")
def three(fetched: None) -> Iterator[KafkaCluster]:
    with KafkaCluster(brokers=3) as cluster:
        yield cluster


def test_two_clusters_side_by_side(kafka: KafkaCluster, three: KafkaCluster) -> None:
    for cluster in (kafka, three):
        admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
        admin.create_topics([NewTopic("same-name", 1)])["same-name"].result(SECONDS)
        write(cluster.bootstrap, "same-name", cluster.bootstrap.encode())
    for cluster in (kafka, three):
        assert read(cluster.bootstrap, "same-name", 1) == [cluster.bootstrap.encode()]


def test_three_brokers_go_on_with_two(three: KafkaCluster) -> None:
    admin = AdminClient({"bootstrap.servers": three.bootstrap})
    admin.create_topics([NewTopic("replicated", 1, 3)])["replicated"].result(SECONDS)
    write(three.bootstrap, "replicated", b"three")
    for number, (take_away, bring_back) in enumerate([(three.kill, three.restart), (three.pause, three.resume)]):
        take_away(number)
        write(three.bootstrap, "replicated", f"without {number}".encode())
        bring_back(number)
    assert len(admin.list_topics(timeout=SECONDS).brokers) == 3
    assert read(three.bootstrap, "replicated", 3) == [b"three", b"without 0", b"without 1"]


def test_a_broker_that_was_away_keeps_its_records(fetched: None) -> None:
    with KafkaCluster() as own:
        admin = AdminClient({"bootstrap.servers": own.bootstrap})
        admin.create_topics([NewTopic("kept", 1)])["kept"].result(SECONDS)
        write(own.bootstrap, "kept", b"first")
        for take_away in (own.kill, own.stop):
            take_away(0)
            own.restart(0)
            write(own.bootstrap, "kept", b"next")
        assert read(own.bootstrap, "kept", 3) == [b"first", b"next", b"next"]


def services(command: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """As the Makefile calls it."""
    line = [sys.executable, "-m", "tests.services", command, "--directory", str(directory)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=200)


def test_start_and_stop_as_make_does(fetched: None, tmp_path: Path) -> None:
    directory = tmp_path / "services"
    try:
        started = services("start", directory)
        assert started.returncode == 0, started.stderr
        exported = dict(line.removeprefix("export ").split("=", 1) for line in started.stdout.splitlines())
        assert (directory / "env").read_text(encoding="utf-8") == started.stdout
        assert (directory / "env").stat().st_mode & 0o077 == 0, "it holds a secret"
        assert services("start", directory).stdout == started.stdout, "the same ones, not others"
        check = [str(Path(sys.executable).with_name("video-consumer")), "check"]
        environment = {**os.environ, **exported, "ENGINE": "synthetic"}
        with urllib.request.urlopen(f"{exported['PROMETHEUS_URL']}/api/v1/rules", timeout=SECONDS) as answer:  # noqa: S310
            assert b"RestartsInALoop" in answer.read(), "the project's own rules"
        checked = subprocess.run(check, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=90)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        holder = int((directory / "lock").read_text(encoding="utf-8"))
    finally:
        stopped = services("stop", directory)
    assert (stopped.returncode, stopped.stderr) == (0, "Stopped.\n")
    wait_until(lambda: not alive(holder), seconds=SECONDS, what="the process is gone")
    prometheus = exported["PROMETHEUS_URL"].removeprefix("http://")
    for address in (exported["KAFKA_BOOTSTRAP_SERVERS"], exported["S3_ENDPOINT"], prometheus):
        host, port = address.split(":")
        with socket.socket() as probe:
            assert probe.connect_ex((host, int(port))) != 0, "nobody listens any more"
    assert not (directory / "env").exists()
    again = services("stop", directory)
    assert (again.returncode, again.stderr) == (0, "No services are running.\n")


def test_services_whose_process_was_killed_can_be_started_again(fetched: None, tmp_path: Path) -> None:
    try:
        first = services("start", tmp_path).stdout
        holder = int((tmp_path / "lock").read_text(encoding="utf-8"))
        os.kill(holder, signal.SIGKILL)
        wait_until(lambda: not alive(holder), seconds=SECONDS, what="the process is gone")
        second = services("start", tmp_path)
        assert second.returncode == 0, second.stderr
        assert second.stdout != first
    finally:
        assert services("stop", tmp_path).stderr == "Stopped.\n"
