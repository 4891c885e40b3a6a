"""The two ways in which a job is not wanted any more: `video-consumer cancel`, as a user calls it, and its deadline."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Message

from tests.integration.system import Audit, CommittedReader, System
from tests.integration.worker_process import WorkerProcess, wait_until, worker_process

# From the request's record to that of the final result.
STOP_SECONDS = 2.0
pytestmark = pytest.mark.timeout(200)


def cancel(system: System, *jobs: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("video-consumer")), "cancel", *jobs],
        env={**os.environ, **system.environment()},
        cwd=system.directory,
        capture_output=True,
        text=True,
        timeout=60,
    )


def request_time(system: System) -> float:
    """When the request was written, seconds since the epoch."""
    reader = CommittedReader(system, system.topics.control)
    (request,) = wait_until(reader.read, seconds=20, what="the request is there")
    reader.close()
    return time_of(request)


def time_of(message: Message) -> float:
    return message.timestamp()[1] / 1000


def test_within_two_seconds_the_owner_stops_and_moves_on(system: System, audit: Audit, short_video: str) -> None:
    """Also where no chunk is finished for minutes: what the engine works on is aborted."""
    slow = {"SYNTHETIC_SECONDS_PER_CHUNK": "300", "MAX_CONCURRENT_CHUNKS": "2"}
    with worker_process(system.environment(**slow), system.directory / "log") as worker:
        worker.wait_ready()
        system.submit("running", partition=2, video_url=short_video, chunk_duration=5, chunk_overlap=1)
        system.submit("next", partition=2, video_url=short_video, chunk_duration=5, chunk_overlap=1)
        wait_until(lambda: asked(worker, "running") == 2, seconds=30, what="its chunks are in the engine")
        assert cancel(system, "running").returncode == 0
        audit.wait_finals(1)
        wait_until(lambda: asked(worker, "next") == 2, seconds=30, what="the next job has the engine")
    (stopped,) = (one for one in audit.reader.messages if one.topic() == system.topics.results)
    assert time_of(stopped) - request_time(system) < STOP_SECONDS
    (final,) = audit.finals()
    assert (final["job_id"], final["status"], final["chunks"]) == ("running", "cancelled", [])
    assert system.committed_offsets()[2][0] == 1


def asked(worker: WorkerProcess, job_id: str) -> int:
    """How many chunks of the job went to the engine, by the log."""
    return sum(one.get("event") == "engine_asked" and one["job_id"] == job_id for one in worker.records())


def test_a_job_that_could_not_start_before_its_deadline_fails(system: System, audit: Audit, short_video: str) -> None:
    """Not started after it; and one that was started before it is finished, however late."""

    def submit(job_id: str, deadline: float) -> None:
        video = {"video_url": short_video, "chunk_duration": 5, "chunk_overlap": 1}
        system.submit(job_id, partition=2, deadline=int(deadline * 1000), **video)

    slow = {"SYNTHETIC_SECONDS_PER_CHUNK": "2.0", "MAX_CONCURRENT_CHUNKS": "1"}
    with worker_process(system.environment(**slow), system.directory / "log") as worker:
        worker.wait_ready()
        soon = time.time() + 5
        submit("long-past", time.time() - 60)
        submit("in-time", soon)
        submit("behind-it", soon)
        submit("later", time.time() + 600)
        audit.wait_finals(4, seconds=90)
        assert asked(worker, "long-past") == asked(worker, "behind-it") == 0
    audit.check()
    assert {one["job_id"]: one["status"] for one in audit.finals()} == {
        "long-past": "failed",
        "in-time": "succeeded",
        "behind-it": "failed",
        "later": "succeeded",
    }
    for job_id in ("long-past", "behind-it"):
        (final,) = audit.finals(job_id)
        assert (final["error"]["code"], final["chunks"]) == ("DEADLINE_EXCEEDED", [])
    (in_time,) = audit.finals("in-time")
    assert in_time["created_at"] / 1000 > soon
    letters = [(one.key(), headers["__dlq.errors.code"]) for one, headers in audit.dead_letters()]
    assert letters == [(b"long-past", b"DEADLINE_EXCEEDED"), (b"behind-it", b"DEADLINE_EXCEEDED")]
    assert system.committed_offsets()[2][0] == 4


def test_a_deadline_does_not_end_work_that_another_worker_had_begun(
    system: System, audit: Audit, short_video: str
) -> None:
    slow = {"SYNTHETIC_SECONDS_PER_CHUNK": "1.0", "MAX_CONCURRENT_CHUNKS": "1"}
    with worker_process(system.environment(**slow), system.directory / "first") as first:
        first.wait_ready()
        deadline = time.time() + 5
        video = {"video_url": short_video, "chunk_duration": 5, "chunk_overlap": 1}
        system.submit("begun", partition=2, deadline=int(deadline * 1000), **video)
        audit.wait_chunks(1)
        first.kill()
    wait_until(lambda: time.time() > deadline, seconds=20, what="the deadline passes")
    with worker_process(system.environment(), system.directory / "second") as second:
        second.wait_ready()
        audit.wait_finals(1)
    audit.check()
    (final,) = audit.finals()
    assert (final["status"], final["attempts"], len(final["chunks"])) == ("succeeded", 2, 5)


def test_a_cancelled_job_keeps_what_was_finished_and_the_partition_goes_on(
    system: System, audit: Audit, short_video: str
) -> None:
    def submit(job_id: str, **fields: float) -> None:
        system.submit(job_id, partition=2, video_url=short_video, chunk_duration=5, chunk_overlap=1, **fields)

    slow = {"SYNTHETIC_SECONDS_PER_CHUNK": "1.0", "MAX_CONCURRENT_CHUNKS": "1"}
    with worker_process(system.environment(**slow), system.directory / "log") as worker:
        worker.wait_ready()
        submit("done")
        audit.wait_finals(1)
        submit("running")
        submit("waiting")
        submit("after")
        wait_until(lambda: audit.wait_chunks(7), seconds=30, what="two chunks of the running job")
        sent = cancel(system, "running", "waiting", "done", "never-there")
        assert (sent.returncode, sent.stdout, sent.stderr) == (0, "", "")
        audit.wait_finals(4, seconds=90)
        submit("waiting")
        audit.wait_finals(5, seconds=90)
    audit.reader.read(1.0)
    ends: dict[str, list[str]] = {}
    for final in audit.finals():
        ends.setdefault(final["job_id"], []).append(final["status"])
    assert ends == {
        "done": ["succeeded"],
        "running": ["cancelled"],
        "waiting": ["cancelled", "succeeded"],
        "after": ["succeeded"],
    }
    (running,) = audit.finals("running")
    kept = sorted(one["chunk_index"] for one in audit.chunks("running"))
    assert [one["chunk_index"] for one in running["chunks"]] == kept
    assert 2 <= len(kept) < 5
    assert running["error"]["code"] == "CANCELLED"
    assert running["coverage"]["gaps"], "it says which seconds are missing"
    assert audit.finals("waiting")[0]["chunks"] == []
    assert audit.dead_letters() == [], "a wish that was fulfilled is no dead letter"


def test_a_request_outlives_the_worker_that_had_the_job(system: System, audit: Audit, short_video: str) -> None:
    system.submit("long", partition=0, video_url=short_video, chunk_duration=5, chunk_overlap=1)
    slow = {"SYNTHETIC_SECONDS_PER_CHUNK": "2.0", "MAX_CONCURRENT_CHUNKS": "1"}
    with worker_process(system.environment(**slow), system.directory / "first") as first:
        first.wait_ready()
        audit.wait_chunks(1)
        first.kill()
    assert cancel(system, "long").returncode == 0
    with worker_process(system.environment(**slow), system.directory / "second") as second:
        second.wait_ready(60)
        audit.wait_finals(1, seconds=60)
        assert second.metric("chunks_total", status="succeeded") == 0
    audit.check()
    (final,) = audit.finals()
    assert (final["status"], final["attempts"]) == ("cancelled", 2)
    assert len(final["chunks"]) == len(audit.chunks()) >= 1


def test_what_can_be_no_job_id_is_told_at_once(system: System) -> None:
    refused = cancel(system, "no spaces please")
    assert refused.returncode == 2
    assert "job_id" in refused.stderr
