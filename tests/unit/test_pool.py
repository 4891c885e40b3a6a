"""The bridge to the event loop: outcomes come back in order, and never more of them than the I/O thread takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from queue import Empty, SimpleQueue
from typing import TypeVar, cast

import pytest

from consumer.errors import ErrorCode, TransientError
from consumer.events.models import VideoJob, VideoResult
from consumer.events.traceparent import parse
from consumer.job import Drained as JobDrained
from consumer.job import JobRunner, Run
from consumer.job.run import Emit
from consumer.pool import JobPool
from consumer.stream.values import Assignment, ChunkOutcome, Crash, Drained, JobOutcome, Outcome
from tests.unit.stream.builders import chunk, final, job

PARENT = parse(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
T = TypeVar("T")
Course = Callable[["FakeRunner", Run, Emit], Awaitable[VideoResult]]


class FakeRunner:
    """Runs each job by the course that the test wrote."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.runs: list[Run] = []
        self.draining = asyncio.Event()
        self.ended = 0

    async def run(self, job: VideoJob, run: Run, emit: Emit) -> VideoResult:
        self.runs.append(run)
        try:
            return await self.course(self, run, emit)
        finally:
            self.ended += 1

    def drain(self) -> None:
        self.draining.set()


class Bench:
    """A pool in the test's own loop; the test is its I/O thread."""

    def __init__(self, course: Course) -> None:
        self.runner = FakeRunner(course)
        self.outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self.now = 100.0
        self.pool = JobPool(
            cast(JobRunner, self.runner), asyncio.get_running_loop(), self.outcomes, clock=lambda: self.now
        )

    async def outcome(self, kind: type[T]) -> T:
        """The next outcome, which must be of this kind."""
        async with asyncio.timeout(30):
            while self.outcomes.empty():
                await asyncio.sleep(0)
        found = self.outcomes.get_nowait()
        assert isinstance(found, kind)
        return found

    async def settled(self) -> None:
        """All that can happen without the I/O thread has happened."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def gone(self) -> None:
        """No job runs any more."""
        async with asyncio.timeout(30):
            while self.pool.jobs():
                await asyncio.sleep(0)

    @property
    def nothing_more(self) -> bool:
        try:
            self.outcomes.get_nowait()
        except Empty:
            return True
        return False


def assignment(partition: int = 3, epoch: int = 1) -> Assignment:
    return Assignment(partition, epoch, job(), "run", 2, {0: chunk(0)}, PARENT)


async def two_chunks(runner: FakeRunner, run: Run, emit: Emit) -> VideoResult:
    await emit(chunk(1))
    await emit(chunk(2))
    return final(4)


async def endless(runner: FakeRunner, run: Run, emit: Emit) -> VideoResult:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


async def test_the_next_chunk_waits_until_the_last_is_committed() -> None:
    bench = Bench(two_chunks)
    bench.pool.start(assignment())
    first = await bench.outcome(ChunkOutcome)
    assert (first.partition, first.epoch, first.result) == (3, 1, chunk(1))
    await bench.settled()
    assert bench.nothing_more, "the first one is not committed yet"
    first.acknowledge()
    second = await bench.outcome(ChunkOutcome)
    assert second.result == chunk(2)
    second.acknowledge()
    done = await bench.outcome(JobOutcome)
    assert (done.partition, done.epoch, done.result) == (3, 1, final(4))
    await bench.gone()


async def test_a_run_is_told_what_is_known_of_it() -> None:
    bench = Bench(endless)
    bench.pool.start(assignment())
    await bench.settled()
    [run] = bench.runner.runs
    assert (run.run_id, run.attempt, run.recovered, run.parent) == ("run", 2, {0: chunk(0)}, PARENT)
    bench.pool.cancel(3, 1)
    await bench.gone()


async def test_a_cancelled_job_ends_without_an_outcome() -> None:
    bench = Bench(endless)
    bench.pool.start(assignment())
    await bench.settled()
    bench.pool.cancel(3, 1)
    await bench.gone()
    assert bench.runner.ended == 1
    assert bench.nothing_more


async def test_a_commit_that_comes_after_the_cancelling_is_harmless() -> None:
    bench = Bench(two_chunks)
    bench.pool.start(assignment())
    first = await bench.outcome(ChunkOutcome)
    bench.pool.cancel(3, 1)
    await bench.gone()
    first.acknowledge()
    first.acknowledge()
    await bench.settled()
    assert bench.nothing_more


async def test_an_earlier_epoch_is_another_job() -> None:
    bench = Bench(endless)
    bench.pool.start(assignment(epoch=1))
    bench.pool.start(assignment(epoch=2))
    await bench.settled()
    bench.pool.cancel(3, 1)
    bench.pool.cancel(3, 7)
    await bench.settled()
    assert bench.runner.ended == 1
    assert len(bench.pool.jobs()) == 1
    bench.pool.cancel(3, 2)
    await bench.gone()


async def test_a_job_that_is_stopped_concludes() -> None:
    async def until_stopped(runner: FakeRunner, run: Run, emit: Emit) -> VideoResult:
        while run.stop.reason is None:
            await asyncio.sleep(0)
        return final(1, status="cancelled", code=run.stop.reason.code)

    bench = Bench(until_stopped)
    bench.pool.start(assignment())
    await bench.settled()
    assert bench.nothing_more
    bench.pool.stop_job(3, 1)
    bench.pool.stop_job(9, 9)
    done = await bench.outcome(JobOutcome)
    assert done.result.error is not None
    assert done.result.error.code is ErrorCode.CANCELLED


async def test_draining_reaches_the_runner_and_a_drained_job_says_so() -> None:
    async def until_drained(runner: FakeRunner, run: Run, emit: Emit) -> VideoResult:
        await runner.draining.wait()
        raise JobDrained

    bench = Bench(until_drained)
    bench.pool.start(assignment())
    bench.pool.drain()
    assert await bench.outcome(Drained) == Drained(3, 1)
    await bench.gone()


async def test_a_bug_is_handed_to_the_thread_that_ends_the_process() -> None:
    async def broken(runner: FakeRunner, run: Run, emit: Emit) -> VideoResult:
        raise KeyError("bug")

    bench = Bench(broken)
    bench.pool.start(assignment())
    crash = await bench.outcome(Crash)
    assert isinstance(crash.error, KeyError)
    await bench.gone()


async def test_what_is_in_work_can_be_asked_for() -> None:
    bench = Bench(two_chunks)
    assert bench.pool.jobs() == []
    bench.pool.start(assignment())
    first = await bench.outcome(ChunkOutcome)
    bench.now = 107.5
    [told] = bench.pool.jobs()
    assert told == {
        "job_id": "job",
        "run_id": "run",
        "partition": 3,
        "attempt": 2,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "stage": "opening",
        "chunks_done": 1,
        "chunks_failed": 0,
        "chunks_in_work": 0,
        "num_chunks": 4,
        "progress": 0.25,
        "described_seconds": 60.0,
        "video_seconds": None,
        "seconds": 7.5,
    }
    first.acknowledge()
    (await bench.outcome(ChunkOutcome)).acknowledge()
    [told] = bench.pool.jobs()
    assert (told["chunks_done"], told["num_chunks"], told["progress"]) == (2, 4, 0.5)
    await bench.gone()


@pytest.mark.parametrize("count", [1, 5])
async def test_jobs_run_side_by_side(count: int) -> None:
    bench = Bench(two_chunks)
    for partition in range(count):
        bench.pool.start(assignment(partition))
    firsts = [await bench.outcome(ChunkOutcome) for _ in range(count)]
    assert {one.partition for one in firsts} == set(range(count))
    assert bench.nothing_more
    for partition in range(count):
        bench.pool.cancel(partition, 1)
    await bench.gone()


async def test_an_engine_that_is_lost_reaches_the_i_o_thread_behind_what_came_before() -> None:
    bench = Bench(two_chunks)
    bench.pool.start(assignment())
    await bench.settled()
    lost = TransientError(ErrorCode.ENGINE_DIED, "It hangs.")
    bench.pool.crash(lost)
    await bench.outcome(ChunkOutcome)
    assert (await bench.outcome(Crash)).error is lost
    bench.pool.cancel(3, 1)
    await bench.gone()
