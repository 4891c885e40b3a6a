"""Limits in number and time, cancellation, draining, a dying engine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.events.models import ChunkResult
from consumer.job import Drained, Run
from tests.unit.job.fakes import Bench, for_ever, make_job


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


async def _settled() -> None:
    """Long enough for whatever can go on to go on."""
    for _ in range(50):
        await asyncio.sleep(0.001)


async def test_requests_in_the_engine_are_limited_over_all_jobs() -> None:
    bench = Bench(max_concurrent_chunks=3)
    bench.engine.gate = asyncio.Event()
    jobs = [make_job(job_id=f"job-{number}") for number in range(3)]
    running = asyncio.gather(*(bench.runner.run(job, Run(job.job_id, 1, {}), bench.emit) for job in jobs))
    await _until(lambda: bench.engine.in_flight == 3)
    await _settled()
    bench.engine.gate.set()
    assert [final.status for final in await running] == ["succeeded"] * 3
    assert bench.engine.most_in_flight == 3
    assert {(one.job_id, one.chunk_index) for one in bench.emitted} == {
        (f"job-{number}", index) for number in range(3) for index in range(5)
    }


async def test_decoded_chunks_that_wait_for_the_engine_are_few() -> None:
    bench = Bench(max_concurrent_chunks=1, decoders=1)
    bench.engine.gate = asyncio.Event()
    running = asyncio.create_task(bench.run())
    await _until(lambda: bench.engine.in_flight == 1)
    await _settled()
    assert bench.media.decoded == [0, 1]
    bench.engine.gate.set()
    assert (await running).status == "succeeded"
    assert bench.media.decoded == [0, 1, 2, 3, 4]


async def test_chunks_count_until_they_are_published() -> None:
    bench = Bench(max_concurrent_chunks=1, decoders=1)
    published = asyncio.Event()

    async def emit(result: ChunkResult) -> None:
        await published.wait()

    running = asyncio.create_task(bench.runner.run(make_job(), Run("run-1", 1, {}), emit))
    await _until(lambda: len(bench.engine.requests) == 2)
    await _settled()
    assert len(bench.media.decoded) == 2
    published.set()
    assert (await running).status == "succeeded"


async def test_jobs_take_turns() -> None:
    bench = Bench(max_concurrent_chunks=1, decoders=1)
    jobs = [make_job(job_id=name, aggregate=False) for name in ("a", "b")]
    await asyncio.gather(*(bench.runner.run(job, Run(job.job_id, 1, {}), bench.emit) for job in jobs))
    order = [one.job_id for one in bench.emitted]
    assert {"a", "b"} <= set(order[:4])


async def test_a_short_job_does_not_wait_for_the_decoder_behind_all_of_a_long_one() -> None:
    bench = Bench(max_concurrent_chunks=8, decoders=1)
    bench.media.gate = threading.Event()
    long = asyncio.create_task(bench.runner.run(make_job(job_id="long"), Run("long", 1, {}), bench.emit))
    await _until(lambda: bench.value("chunks_in_flight") == 5)
    short = asyncio.create_task(bench.runner.run(make_job(job_id="short", end_time=50), Run("s", 1, {}), bench.emit))
    await _until(lambda: bench.value("chunks_in_flight") == 6)
    await _settled()
    bench.media.gate.set()
    assert [final.status for final in await asyncio.gather(long, short)] == ["succeeded"] * 2
    assert bench.media.decoded == [0, 0, 1, 2, 3, 4]


async def test_an_answer_that_does_not_come_is_aborted_and_named() -> None:
    bench = Bench(generate_timeout_seconds=0.02, retry_seconds=0)
    bench.engine.answers[2] = [for_ever]
    final = await bench.run()
    late = bench.by_index()[2]
    assert late.error is not None
    assert (late.error.code, late.error.retryable) == (ErrorCode.ENGINE_TIMEOUT, True)
    assert "GENERATE_TIMEOUT_SECONDS" in late.error.message
    assert len(bench.engine.aborted) == 1
    assert (final.status, bench.engine.in_flight) == ("partial", 0)


async def test_a_request_that_is_not_prepared_in_time_is_given_up_and_named() -> None:
    bench = Bench(generate_timeout_seconds=0.02, retry_seconds=0)
    bench.engine.preparing[2] = for_ever
    final = await bench.run()
    late = bench.by_index()[2]
    assert late.error is not None
    assert (late.error.code, late.error.retryable) == (ErrorCode.ENGINE_TIMEOUT, True)
    assert "GENERATE_TIMEOUT_SECONDS" in late.error.message
    assert 2 not in bench.engine.chunk_requests()
    assert (final.status, final.total_successful_chunks) == ("partial", final.num_chunks - 1)


async def test_an_engine_that_dies_while_a_request_is_prepared_fails_no_chunk() -> None:
    bench = Bench()

    async def die() -> None:
        raise bench.engine.die()

    bench.engine.preparing[2] = die
    with pytest.raises(TransientError) as caught:
        await bench.run()
    assert caught.value.code is ErrorCode.ENGINE_DIED
    assert 2 not in bench.by_index()


async def test_the_time_that_preparing_took_is_told() -> None:
    bench = Bench()

    async def slowly() -> None:
        bench.time.seconds += 2.0

    bench.engine.preparing[0] = slowly
    await bench.run(make_job(end_time=50.0))
    told = bench.by_index()[0].timings
    assert (told.first_token, told.generate) == (0.5 + 2.0, 1.0 + 2.0)


async def test_an_aggregate_that_does_not_come_is_limited_too() -> None:
    bench = Bench(generate_timeout_seconds=0.05, retry_seconds=0)
    bench.engine.answers[None] = [for_ever]
    final = await bench.run()
    assert final.error is not None
    assert (final.status, final.error.code) == ("partial", ErrorCode.ENGINE_TIMEOUT)


async def test_a_chunk_that_decodes_for_ever_fails_alone() -> None:
    bench = Bench(decode_timeout_seconds=0.05)
    bench.media.gate = threading.Event()
    running = asyncio.create_task(bench.run(make_job(end_time=50.0)))
    final = await running
    assert final.error is not None
    assert (final.status, final.error.code) == ("failed", ErrorCode.MEDIA_UNREADABLE)
    assert "DECODE_TIMEOUT_SECONDS" in final.error.message
    assert bench.media.closed == 1
    bench.media.gate.set()


async def test_opening_for_ever_is_given_up_and_closed_when_it_comes_after_all() -> None:
    bench = Bench(probe_timeout_seconds=0.02, retry_seconds=0)
    bench.library.gate = threading.Event()
    final = await bench.run()
    assert final.error is not None
    assert (final.status, final.error.code) == ("failed", ErrorCode.SOURCE_UNREACHABLE)
    assert "PROBE_TIMEOUT_SECONDS" in final.error.message
    bench.library.gate.set()
    await _until(lambda: bench.media.closed == 1)


async def test_a_dead_engine_is_no_chunks_fault() -> None:
    bench = Bench()

    async def crash() -> str:
        raise bench.engine.die()

    bench.engine.answers[1] = [crash]
    with pytest.raises(TransientError) as caught:
        await bench.run()
    assert caught.value.code is ErrorCode.ENGINE_DIED
    assert all(one.success for one in bench.emitted)
    assert bench.engine.in_flight == 0
    await _until(lambda: bench.media.closed == 1)


async def test_whatever_a_dying_engine_says_it_is_its_death() -> None:
    bench = Bench()

    async def crash() -> str:
        bench.engine.alive = False
        raise TransientError(ErrorCode.ENGINE_TIMEOUT, "No answer.")

    bench.engine.answers[0] = [crash]
    with pytest.raises(TransientError) as caught:
        await bench.run()
    assert caught.value.code is ErrorCode.ENGINE_DIED
    assert bench.time.slept == []


async def test_an_engine_that_dies_over_the_aggregate() -> None:
    bench = Bench()

    async def crash() -> str:
        raise bench.engine.die()

    bench.engine.answers[None] = [crash]
    with pytest.raises(TransientError) as caught:
        await bench.run()
    assert caught.value.code is ErrorCode.ENGINE_DIED
    assert len(bench.emitted) == 5


async def test_a_bug_crashes_loudly() -> None:
    bench = Bench()
    bench.media.failures[0] = [ZeroDivisionError("a bug")]
    with pytest.raises(ZeroDivisionError, match="a bug"):
        await bench.run()
    await _until(lambda: bench.media.closed == 1)


async def test_cancelling_stops_everything_and_leaks_nothing() -> None:
    bench = Bench(max_concurrent_chunks=2)
    bench.engine.gate = asyncio.Event()
    running = asyncio.create_task(bench.run())
    await _until(lambda: bench.engine.in_flight == 2)
    bench.time.seconds += 7
    assert bench.value("engine_last_progress_seconds") == 7
    assert bench.value("backlog_video_seconds", basis="in_work") == 298
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (bench.engine.in_flight, len(bench.engine.aborted), bench.emitted) == (0, 2, [])
    await _until(lambda: bench.media.closed == 1)
    assert bench.value("chunks_in_flight") == bench.value("backlog_video_seconds", basis="in_work") == 0
    assert bench.value("engine_last_progress_seconds") == 0

    # Every slot is free again: the next job runs as if nothing had been.
    bench.engine.gate.set()
    assert (await bench.run(attempt=2)).status == "succeeded"
    assert bench.engine.most_in_flight == 2


@pytest.mark.parametrize("turns", range(12))
async def test_cancelled_at_any_moment_all_slots_come_back(turns: int) -> None:
    bench = Bench(max_concurrent_chunks=1, decoders=1)
    running = asyncio.create_task(bench.run())
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await _until(lambda: bench.media.closed == bench.media.opened)
    assert (await bench.run(attempt=2)).status == "succeeded"


async def test_cancelling_does_not_wait_for_a_thread_that_decodes() -> None:
    bench = Bench(decoders=1)
    bench.media.gate = threading.Event()
    running = asyncio.create_task(bench.run())
    await _until(lambda: bench.library.opened)
    await _settled()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.media.closed == 1
    bench.media.gate.set()


async def test_draining_finishes_what_runs_and_starts_nothing() -> None:
    bench = Bench(max_concurrent_chunks=1, decoders=1)
    bench.engine.gate = asyncio.Event()
    running = asyncio.create_task(bench.run())
    await _until(lambda: bench.engine.in_flight == 1)
    await _settled()
    bench.runner.drain()
    bench.engine.gate.set()
    with pytest.raises(Drained):
        await running
    assert [one.chunk_index for one in bench.emitted] == [0, 1]
    assert bench.media.closed == 1
    with pytest.raises(Drained):
        await bench.run()


async def test_a_job_whose_chunks_all_run_ends_in_spite_of_draining() -> None:
    bench = Bench()
    bench.engine.gate = asyncio.Event()
    running = asyncio.create_task(bench.run())
    await _until(lambda: bench.engine.in_flight == 5)
    bench.runner.drain()
    bench.engine.gate.set()
    assert (await running).status == "succeeded"


async def test_closing_lets_the_threads_end() -> None:
    before = set(threading.enumerate())
    bench = Bench()
    await bench.run()
    assert set(threading.enumerate()) - before
    bench.runner.close()
    await _until(lambda: not set(threading.enumerate()) - before)


async def test_a_source_that_changes_half_way_fails_the_rest_only() -> None:
    bench = Bench()
    changed = PermanentError(ErrorCode.SOURCE_CHANGED, "The video was replaced.")
    bench.media.failures = {3: [changed], 4: [changed]}
    final = await bench.run()
    assert final.error is not None
    assert (final.status, final.error.code, final.total_successful_chunks) == ("partial", ErrorCode.SOURCE_CHANGED, 3)
