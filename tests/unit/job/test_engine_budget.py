"""What may be in the engine at once follows what the engine tells of its memory."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from consumer.inference.engine import EngineLimits
from consumer.job import Run
from consumer.job.engine_budget import engine_budget, is_near_step, log_engine_budget, request_need, step_tokens
from consumer.job.schedule import Budget
from consumer.settings import Settings
from tests.unit.inference.builders import clip, request
from tests.unit.job.fakes import Bench, make_job


def test_the_budget_is_the_engines_memory_and_a_step() -> None:
    limits = EngineLimits(8192, 4096, kv_cache_tokens=50_000, encoder_cache_tokens=3000)
    assert step_tokens(limits) == 3000
    assert engine_budget(limits, 32) == Budget(32, size=50_000, ahead=3000, courteous=True)
    silent = EngineLimits(8192, 4096)
    assert engine_budget(silent, 8) == Budget(8, size=None, ahead=4096, courteous=True)


def test_a_request_is_counted_with_its_video_its_text_and_its_answer() -> None:
    need = request_need(request(clip(0.0, 0.5, 1.0, 1.5, size=128), prompt="x" * 300))
    assert (need.vision, need.stamps, need.prompt, need.answer) == (2 * 16, 2 * 12, 100, 64)
    assert request_need(request(None, prompt="y" * 30)).total == 10 + 64
    asked = request(clip(0.0, 0.5, 1.0, 1.5, size=128))
    assert asked.clip is not None
    before = request_need(asked)
    asked.clip.replace_pixels("what an engine made of them")
    assert request_need(asked) == before


@pytest.mark.parametrize(("item", "near"), [(900, False), (901, True), (1000, True)])
def test_a_video_that_leaves_little_of_a_step_is_near_it(item: int, near: bool) -> None:
    assert is_near_step(item, EngineLimits(8192, 1000)) is near


@pytest.mark.parametrize(("step", "warned"), [(24_576, False), (19_000, True)])
def test_the_start_tells_what_fits_and_warns_where_a_chunk_fills_a_step(step: int, warned: bool) -> None:
    with capture_logs() as logs:
        log_engine_budget(Settings(), EngineLimits(131_072, step, kv_cache_tokens=200_000))
    assert [one["event"] for one in logs] == ["engine_budget", "chunks_fill_steps"][: 1 + warned]
    assert (logs[0]["chunk_tokens"], logs[0]["chunks_in_flight"], logs[0]["chunks_a_step"]) == (18_720, 10, 1)
    if warned:
        assert "MAX_NUM_BATCHED_TOKENS" in logs[1]["reason"]


async def _in_engine(bench: Bench, count: int) -> None:
    async with asyncio.timeout(20):
        while bench.engine.in_flight < count:
            await asyncio.sleep(0.001)
    for _ in range(50):
        await asyncio.sleep(0.001)


async def test_requests_in_the_engine_fit_into_its_cache_however_many_are_allowed() -> None:
    """Five chunks of about 12,000 tokens in each of two jobs."""
    bench = Bench(max_concurrent_chunks=8, decoders=8, limits=EngineLimits(131_072, 131_072, kv_cache_tokens=57_000))
    bench.engine.gate = asyncio.Event()
    jobs = [make_job(job_id=name, max_vision_tokens=12_000, aggregate=False) for name in ("a", "b")]
    running = asyncio.gather(*(bench.runner.run(job, Run(job.job_id, 1, {}), bench.emit) for job in jobs))
    await _in_engine(bench, 4)
    assert bench.engine.in_flight == 4
    bench.engine.gate.set()
    assert [final.status for final in await running] == ["succeeded"] * 2
    assert bench.engine.most_in_flight == 4


async def test_what_the_engine_has_not_begun_is_little_and_it_lets_more_in_by_telling() -> None:
    bench = Bench(max_concurrent_chunks=8, decoders=8, limits=EngineLimits(131_072, 13_000))
    bench.engine.gate = asyncio.Event()
    assert bench.engine.stepped is not None
    bench.engine.stepped(0)
    running = asyncio.create_task(bench.run(make_job(max_vision_tokens=12_000)))
    await _in_engine(bench, 2)
    assert bench.engine.in_flight == 2, "a step takes one, and the job is short"
    assert len(bench.engine.prepared) == 5, "the others are ready for it"
    bench.engine.stepped(1)
    await _in_engine(bench, 3)
    assert bench.engine.in_flight == 3
    bench.engine.gate.set()
    assert (await running).status == "succeeded"


async def test_a_larger_request_than_all_of_it_runs_alone() -> None:
    bench = Bench(max_concurrent_chunks=8, decoders=8, limits=EngineLimits(131_072, 131_072, kv_cache_tokens=1000))
    bench.engine.gate = asyncio.Event()
    running = asyncio.create_task(bench.run())
    await _in_engine(bench, 1)
    bench.engine.gate.set()
    assert (await running).status == "succeeded"
    assert bench.engine.most_in_flight == 1


async def test_a_chunk_that_fills_a_step_is_warned_about_once() -> None:
    bench = Bench(limits=EngineLimits(131_072, 12_700))
    with capture_logs() as logs:
        await bench.run(make_job(max_vision_tokens=12_000))
        await bench.run(make_job(max_vision_tokens=12_000), attempt=2)
    (warned,) = [one for one in logs if one["event"] == "chunk_fills_a_step"]
    assert warned["max_num_batched_tokens"] == 12_700
    assert 0.9 * 12_700 < warned["tokens"] <= 12_700
