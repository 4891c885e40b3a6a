"""A run that is asked to end early: a final result that keeps what was emitted, and nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from consumer.errors import ErrorCode, PermanentError
from consumer.events.models import ChunkResult, VideoResult
from consumer.job import Run, StopRequest
from tests.unit.job.fakes import Bench, for_ever, make_job

CANCELLED = PermanentError(ErrorCode.CANCELLED, "The job was cancelled on request.")


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


def start(bench: Bench, run: Run) -> asyncio.Task[VideoResult]:
    return asyncio.create_task(bench.runner.run(make_job(), run, bench.emit))


def check_nothing_is_left(bench: Bench) -> None:
    assert bench.engine.in_flight == 0
    assert bench.value("chunks_in_flight") == 0
    assert bench.value("backlog_video_seconds", basis="in_work") == pytest.approx(0)


async def test_what_was_emitted_is_kept_and_what_is_computed_is_aborted() -> None:
    bench = Bench()
    bench.engine.answers[3].append(for_ever)
    run = Run("run-1", 1, {})
    running = start(bench, run)
    await _until(lambda: len(bench.emitted) == 4 and bench.engine.in_flight == 1)
    run.stop.set(CANCELLED)
    final = await running
    assert (final.status, final.success) == ("cancelled", False)
    assert final.error is not None
    assert final.error.code is ErrorCode.CANCELLED
    assert [chunk.chunk_index for chunk in final.chunks] == sorted(bench.by_index()) == [0, 1, 2, 4]
    assert (final.num_chunks, final.total_successful_chunks) == (5, 4)
    assert final.coverage is not None
    assert final.coverage.gaps == [[232.0 - 58.0 + 2.0, 232.0]]
    assert final.aggregated_response is None
    assert len(bench.engine.aborted) == 1
    assert bench.media.closed
    check_nothing_is_left(bench)


async def test_a_result_that_is_on_its_way_out_is_waited_for() -> None:
    """It is published whatever the runner does now: the final result must list it."""
    bench = Bench()
    published = asyncio.Event()
    out: list[int] = []

    async def emit(result: ChunkResult) -> None:
        out.append(result.chunk_index)
        await published.wait()
        bench.emitted.append(result)

    bench.engine.answers[4].append(for_ever)
    run = Run("run-1", 1, {})
    running = asyncio.create_task(bench.runner.run(make_job(), run, emit))
    await _until(lambda: len(out) == 4 and bench.engine.in_flight == 1)
    run.stop.set(CANCELLED)
    await _until(lambda: bench.engine.in_flight == 0)
    assert not running.done()
    published.set()
    final = await running
    assert [chunk.chunk_index for chunk in final.chunks] == [0, 1, 2, 3]


async def test_a_run_that_is_stopped_before_it_begins_opens_nothing() -> None:
    bench = Bench()
    run = Run("run-1", 1, {})
    run.stop.set(CANCELLED)
    final = await bench.runner.run(make_job(), run, bench.emit)
    assert (final.status, final.num_chunks, bench.emitted) == ("cancelled", 0, [])
    assert bench.library.opened == []


async def test_a_stop_during_the_aggregation_gives_up_the_answer_only() -> None:
    bench = Bench()
    bench.engine.answers[None].append(for_ever)
    run = Run("run-1", 1, {})
    running = start(bench, run)
    await _until(lambda: len(bench.emitted) == 5 and bench.engine.in_flight == 1)
    run.stop.set(CANCELLED)
    final = await running
    assert (final.status, final.total_successful_chunks, final.aggregated_response) == ("cancelled", 5, None)
    check_nothing_is_left(bench)


async def test_recovered_chunks_stay_in_the_list_of_a_cancelled_job() -> None:
    bench = Bench()
    await bench.run()
    recovered = {index: bench.by_index()[index] for index in (0, 1)}
    again = Bench()
    run = Run("run-1", 2, recovered)
    run.stop.set(CANCELLED)
    final = await again.runner.run(make_job(), run, again.emit)
    assert (final.status, [chunk.chunk_index for chunk in final.chunks]) == ("cancelled", [0, 1])


async def test_a_job_that_waits_for_its_turn_is_stopped_while_others_go_on() -> None:
    bench = Bench(max_concurrent_chunks=1, decoders=1)
    bench.engine.gate = asyncio.Event()
    first = start(bench, Run("run-1", 1, {}))
    await _until(lambda: bench.engine.in_flight == 1)
    waiting = Run("run-2", 1, {})
    second = asyncio.create_task(bench.runner.run(make_job(job_id="job-2"), waiting, bench.emit))
    await _until(lambda: bench.media.opened == 2)
    waiting.stop.set(CANCELLED)
    assert (await second).status == "cancelled"
    assert not first.done()
    bench.engine.gate.set()
    assert (await first).status == "succeeded"
    check_nothing_is_left(bench)


async def test_unless_gives_the_result_or_the_reason_and_undoes_what_came_too_late() -> None:
    undone: list[int] = []

    async def answer() -> int:
        return 7

    async def stubborn() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 8
        raise AssertionError("never")

    stop = StopRequest()
    assert await stop.unless(answer(), undone.append) == 7
    waiting = asyncio.create_task(stop.unless(stubborn(), undone.append))
    await asyncio.sleep(0)
    stop.set(CANCELLED)
    with pytest.raises(PermanentError) as raised:
        await waiting
    assert raised.value is CANCELLED
    assert undone == [8]
    with pytest.raises(PermanentError):
        await stop.unless(answer(), undone.append)
    assert undone == [8], "it was not even begun"
