"""The ways in which a worker is told to leave, and what each leaves behind."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.system import Audit, System
from tests.integration.worker_process import WorkerProcess, wait_until, worker_process

CHUNKS = 5
IN_FLIGHT = 2
pytestmark = pytest.mark.timeout(200)


def submit(system: System, job_id: str, video: str) -> None:
    system.submit(job_id, partition=1, video_url=video, chunk_duration=5, chunk_overlap=1)


def asked(worker: WorkerProcess) -> set[int]:
    """The chunks that the engine was asked for, by the log."""
    records = [one for one in worker.records() if one.get("event") == "engine_asked"]
    return {one["chunk_index"] for one in records if one["chunk_index"] is not None}


def in_work(system: System, name: str, seconds_a_chunk: float, **settings: str) -> Any:
    """A worker with two chunks of five in the engine at a time."""
    slow = {"SYNTHETIC_SECONDS_PER_CHUNK": str(seconds_a_chunk), "MAX_CONCURRENT_CHUNKS": str(IN_FLIGHT)}
    return worker_process(system.environment(DECODERS="1", **slow, **settings), system.directory / name)


def finish(system: System, audit: Audit, jobs: int = 1) -> set[int]:
    """The next worker does what is left; returns the chunks that it computed.

    No job may be lost to a start that ended in good order, however few starts it has.
    """
    with worker_process(system.environment(MAX_ATTEMPTS="1"), system.directory / "next") as worker:
        worker.wait_ready()
        audit.wait_finals(jobs)
        again = asked(worker)
    audit.check()
    assert {one["status"] for one in audit.finals()} == {"succeeded"}
    return again


def test_running_chunks_are_finished_within_the_grace_period_and_no_other_is_begun(
    system: System, audit: Audit, short_video: str
) -> None:
    submit(system, "slow", short_video)
    submit(system, "waiting", short_video)
    with in_work(system, "first", 2.0, SHUTDOWN_GRACE_SECONDS="60") as first:
        first.wait_ready()
        wait_until(lambda: len(asked(first)) == IN_FLIGHT, seconds=30, what="the engine has its two chunks")
        first.signal(signal.SIGTERM)
        assert first.wait(30) == 0
        begun = asked(first)
    audit.reader.read(0.5)
    published = {one["chunk_index"] for one in audit.chunks("slow")}
    assert begun == published, "all that was begun is committed, and nothing is asked of the engine for nothing"
    assert IN_FLIGHT <= len(published) < CHUNKS, "the job was not waited for, only its chunks"
    assert audit.chunks("waiting") == []
    # The next job has the same chunk numbers; all of them.
    assert finish(system, audit, jobs=2) == set(range(CHUNKS))
    assert {one["attempt"] for one in audit.chunks("slow") if one["chunk_index"] not in published} == {2}


def test_when_the_grace_period_is_over_it_leaves_in_good_order(system: System, audit: Audit, short_video: str) -> None:
    submit(system, "slow", short_video)
    with in_work(system, "first", 120.0, SHUTDOWN_GRACE_SECONDS="2") as first:
        first.wait_ready()
        wait_until(lambda: len(asked(first)) == IN_FLIGHT, seconds=30, what="the engine has its two chunks")
        first.signal(signal.SIGTERM)
        told = time.monotonic()
        wait_until(lambda: "draining" in first.log.read_text(), seconds=20, what="it has heard of it")
        assert first.wait(20) == 0
        waited = time.monotonic() - told
    assert waited >= 2.0, "the grace period is granted"
    audit.reader.read(0.5)
    assert audit.chunks() == []
    started = time.monotonic()
    assert finish(system, audit) == set(range(CHUNKS))
    assert time.monotonic() - started < 60
    assert audit.finals()[0]["attempts"] == 2


@pytest.mark.parametrize("library", ["pydantic_core", "confluent_kafka", "/av/"])
def test_a_signal_while_it_still_imports_is_no_failure(system: System, library: str) -> None:
    """Its own handlers come a second after its start; until then there is nothing to leave."""
    with worker_process(system.environment(), system.directory / "log") as worker:
        maps = Path(f"/proc/{worker.process.pid}/maps")
        wait_until(lambda: library in maps.read_text(), seconds=30, what=f"it loads {library}", every=0.002)
        worker.signal(signal.SIGTERM)
        assert worker.wait(20) == 0
        assert not [one for one in worker.records() if one.get("event") == "assigned"]
