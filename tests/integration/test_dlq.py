"""Dead letters and their way back, on the real broker: each is sent once, wherever the command is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from consumer.cli.main import main
from consumer.errors import ErrorCode
from consumer.events.headers import JobPosition, dead_letter_headers
from consumer.stream.values import received_headers
from tests.integration.system import Audit, CommittedReader, System
from tests.integration.worker_process import wait_until, worker_process

pytestmark = pytest.mark.timeout(200)

# The command, stopped or killed at one call of the producer; `redrive` behind the arguments is what a user types.
INTERRUPTED = """
import os, signal, sys
from consumer.stream import transaction
call, number = sys.argv[1], getattr(signal, sys.argv[2])
class Interrupted(transaction.Producer):
    def commit_transaction(self, *arguments):
        if call == "before":
            os.kill(os.getpid(), number)
        super().commit_transaction(*arguments)
        if call == "after":
            os.kill(os.getpid(), number)
transaction.Producer = Interrupted
from consumer.cli.main import main
sys.exit(main(sys.argv[3:]))
"""


def put(system: System, count: int, *, partition: int = 1, code: ErrorCode = ErrorCode.SOURCE_UNREACHABLE) -> None:
    """Dead letters as a worker writes them: jobs 0, 1, ... of the partition."""
    producer = Producer({"bootstrap.servers": system.bootstrap})
    for number in range(count):
        job_id = f"{code.value.lower()}-{partition}-{number}"
        headers = dead_letter_headers(
            [("traceparent", b"00-1")],
            code=code,
            message="The store did not answer.",
            position=JobPosition(system.topics.jobs, partition, number),
            timestamp_ms=1_000,
            attempt=1,
            stage="job",
            worker="w",
        )
        value = json.dumps({"job_id": job_id, "prompt": "What?", "video_url": "s3://videos/none.mp4"}).encode()
        producer.produce(system.topics.dead_letters, value, job_id.encode(), partition=partition, headers=[*headers])
    assert producer.flush(20) == 0


def environment(system: System) -> dict[str, str]:
    return {**os.environ, **system.environment(LOG_LEVEL="ERROR")}


class Dlq:
    """`video-consumer dlq`, in this process: what it printed is kept."""

    def __init__(self, system: System, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        for name, value in system.environment(LOG_LEVEL="ERROR").items():
            monkeypatch.setenv(name, value)
        self._capsys = capsys
        self.out = self.error = ""

    def __call__(self, *arguments: str) -> int:
        code = main(["dlq", *arguments])
        self.out, self.error = self._capsys.readouterr()
        return code


@pytest.fixture
def dlq(system: System, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Dlq:
    return Dlq(system, monkeypatch, capsys)


def interrupted(system: System, call: str, number: signal.Signals, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", INTERRUPTED, call, number.name, "dlq", "redrive", *arguments]
    return subprocess.Popen(
        command,
        env=environment(system),
        cwd=system.directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def sent(system: System) -> Iterator[CommittedReader]:
    reader = CommittedReader(system, system.topics.jobs)
    yield reader
    reader.close()


def jobs_of(reader: CommittedReader, expected: int) -> Counter[str]:
    """How often each job stands in the jobs topic, once that many records do."""
    wait_until(lambda: len(reader.read(0.1)) >= expected, seconds=20, what=f"{expected} records in the jobs topic")
    return Counter((one.key() or b"").decode() for one in reader.read(1.0))


def test_nothing_is_sent_without_yes_and_each_once_with_it(system: System, dlq: Dlq, sent: CommittedReader) -> None:
    put(system, 3)
    put(system, 2, partition=2, code=ErrorCode.SOURCE_FORBIDDEN)
    assert dlq("redrive", "--code", "source_unreachable") == 0
    assert len(dlq.out.splitlines()) == 3
    assert dlq.error == "Would send 3 dead letters; nothing was sent: add --yes.\n"
    assert sent.read(1.0) == []
    assert dlq("redrive", "--code", "SOURCE_UNREACHABLE", "--yes") == 0
    assert dlq.error == "Sent 3 dead letters.\n"
    assert dlq("redrive", "--code", "SOURCE_UNREACHABLE", "--yes") == 0
    assert dlq.out == ""
    assert set(jobs_of(sent, 3).values()) == {1}
    first = min(sent.messages, key=lambda one: one.offset() or 0)
    assert first.partition() == 1
    headers = dict(received_headers(first))
    assert headers == {
        "traceparent": b"00-1",
        "__dlq.redriven.from": f"/{system.topics.dead_letters}/1/0".encode(),
        "__dlq.redriven.times": b"1",
    }
    assert dlq("list", "--json", "--all") == 0
    assert Counter((one["code"], one["redriven"]) for one in json.loads(dlq.out)) == {
        ("SOURCE_UNREACHABLE", True): 3,
        ("SOURCE_FORBIDDEN", False): 2,
    }


def test_by_name_in_any_order(system: System, dlq: Dlq, sent: CommittedReader) -> None:
    put(system, 6)
    for names in (["1/4"], ["1/1", "source_unreachable-1-5"], ["1/4", "1/0"]):
        assert dlq("redrive", *names, "--yes") == 0
    assert sorted(jobs_of(sent, 4)) == [f"source_unreachable-1-{number}" for number in (0, 1, 4, 5)]
    assert dlq("redrive", "1/4", "--yes") == 1, "it was sent, and so is not left"
    assert dlq("redrive", "--all", "--yes") == 0
    assert set(jobs_of(sent, 6).values()) == {1}


@pytest.mark.parametrize("call", ["before", "after"])
def test_a_crash_at_the_commit_neither_loses_nor_doubles(
    system: System, dlq: Dlq, sent: CommittedReader, call: str
) -> None:
    put(system, 4)
    killed = interrupted(system, call, signal.SIGKILL, "1/1", "1/2", "--yes")
    out, _ = killed.communicate(timeout=60)
    assert (killed.returncode, out) == (-signal.SIGKILL, "")
    assert dlq("redrive", "--all", "--yes") == 0
    assert len(dlq.out.splitlines()) == (4 if call == "before" else 2)
    assert jobs_of(sent, 4) == {f"source_unreachable-1-{number}": 1 for number in range(4)}


def test_one_that_was_frozen_at_the_commit_is_fenced(system: System, dlq: Dlq, sent: CommittedReader) -> None:
    put(system, 4)
    frozen = interrupted(system, "before", signal.SIGSTOP, "--all", "--yes")
    try:
        wait_until(lambda: os.waitpid(frozen.pid, os.WUNTRACED | os.WNOHANG)[0], seconds=60, what="it is frozen")
        assert dlq("redrive", "--all", "--yes") == 0
        frozen.send_signal(signal.SIGCONT)
        out, error = frozen.communicate(timeout=60)
    finally:
        frozen.kill()
    assert (frozen.returncode, out) == (1, "")
    assert error == "Another `dlq redrive` began meanwhile and has taken over; look at what is left after it.\n"
    assert jobs_of(sent, 4) == {f"source_unreachable-1-{number}": 1 for number in range(4)}


def test_what_the_group_forgot_the_jobs_topic_tells(system: System, dlq: Dlq, sent: CommittedReader) -> None:
    """Brokers forget the offsets of a group that nobody joins after some days."""
    put(system, 3)
    assert dlq("redrive", "1/1", "--yes") == 0
    admin = AdminClient({"bootstrap.servers": system.bootstrap})
    for future in admin.delete_consumer_groups([f"{system.group}.redrive"]).values():
        future.result(20)
    assert dlq("list") == 0
    assert len(dlq.out.splitlines()) == 2
    assert dlq("redrive", "--all", "--yes") == 0
    assert jobs_of(sent, 3) == {f"source_unreachable-1-{number}": 1 for number in range(3)}


def test_a_job_that_failed_runs_when_it_is_sent_again(
    system: System, audit: Audit, dlq: Dlq, short_video: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its dead letter tells what happened; put right, the job succeeds, its results those of a run of its own."""
    wrong = system.environment(S3_SECRET_KEY="wrong")
    system.submit("early", video_url=short_video, chunk_duration=30)
    with worker_process(wrong, system.directory / "first") as worker:
        worker.wait_ready()
        audit.wait_finals(1)
    assert dlq("show", "early") == 0
    assert "SOURCE_FORBIDDEN" in dlq.out
    assert f'"video_url": "{short_video}"' in dlq.out
    assert dlq("redrive", "early", "--yes") == 0
    assert main(["watch", "early", "--timeout", "0.5"]) == 1, "the run that failed is not the one that is asked for"
    assert capsys.readouterr().out == ""
    with worker_process(system.environment(), system.directory / "second") as worker:
        worker.wait_ready()
        finals = audit.wait_finals(2)
    assert [(one["job_id"], one["status"]) for one in finals] == [("early", "failed"), ("early", "succeeded")]
    assert finals[0]["run_id"] != finals[1]["run_id"]
    assert main(["watch", "early", "--timeout", "30"]) == 0
    assert [line.split("  ")[1] for line in capsys.readouterr().out.splitlines()][-1].startswith("succeeded")
