"""Another answer for the whole comes from stored chunk results alone; what is stored stays as it is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.events.models import ChunkResult, VideoResult
from consumer.inference.engine import Engine, EngineLimits
from consumer.inference.synthetic import SyntheticEngine
from consumer.job import AgainRequest, Run, StopRequest, aggregate_again
from consumer.settings import Settings
from tests.unit.job.fakes import NOW_MS, Bench, FakeTime, ScriptedEngine, for_ever, make_job

DARK = PermanentError(ErrorCode.CHUNK_NO_FRAMES, "No frame there.")
AGAIN = AgainRequest(run_id="again-1", aggregation_prompt="Count the walls.", worker="worker-2")


async def again(
    final: VideoResult,
    results: list[ChunkResult],
    *,
    engine: Engine | None = None,
    request: AgainRequest = AGAIN,
    **settings: Any,
) -> VideoResult:
    # The video is not at hand here: there is nothing to open it with.
    made = engine or SyntheticEngine(seconds_per_chunk=0, limits=EngineLimits(131_072, 131_072))
    return await aggregate_again(
        made,
        final,
        results,
        request,
        settings=Settings.model_validate(settings),
        tools=FakeTime().tools(),
    )


async def test_the_synthetic_engine_puts_all_chunks_together_again() -> None:
    bench = Bench()
    final = await bench.run(make_job(metadata={"ticket": "7"}))
    new = await again(final, bench.emitted[::-1])
    assert json.loads(new.aggregated_response or "") == {"job_id": "job-1", "chunks": 5, "gaps": []}
    assert (new.success, new.status, new.error) == (True, "succeeded", None)
    assert new.provenance is not None
    assert final.provenance is not None
    assert (new.provenance.engine, new.provenance.worker) == ("synthetic", "worker-2")
    assert new.provenance.plan_digest == final.provenance.plan_digest
    assert new.aggregation is not None
    assert new.tokens.completion == 5 * 5 + new.aggregation.tokens.completion
    assert new.created_at == NOW_MS
    for field in ("job_id", "run_id", "chunks", "coverage", "video_info", "num_chunks", "metadata", "attempts"):
        assert getattr(new, field) == getattr(final, field)


async def test_the_new_prompt_is_asked_of_the_stored_texts() -> None:
    bench = Bench()
    final = await bench.run()
    engine = ScriptedEngine()
    new = await again(final, bench.emitted, engine=engine)
    (request,) = engine.requests
    assert request.prompt.endswith("Count the walls.")
    places = [request.prompt.index(f"Chunk {index} shows a grey wall.") for index in range(5)]
    assert places == sorted(places)
    assert "58.0s-118.0s; its times count from 58.0s" in request.prompt
    assert new.aggregated_response == "Everything at once."
    assert request.sampling.max_tokens == 2048


async def test_without_a_new_prompt_the_default_one_tells_what_the_chunks_were_asked() -> None:
    bench = Bench()
    final = await bench.run()
    engine = ScriptedEngine()
    await again(final, bench.emitted, engine=engine, request=replace(AGAIN, aggregation_prompt=None, prompt="A wall?"))
    assert "Each chunk was asked: A wall?" in engine.requests[0].prompt


async def test_a_job_that_lacked_only_its_aggregate_succeeds_now() -> None:
    bench = Bench()
    bench.engine.answers[None] = ["", ""]
    final = await bench.run()
    assert final.status == "partial"
    new = await again(final, bench.emitted)
    assert (new.success, new.status, new.error) == (True, "succeeded", None)


async def test_a_job_with_a_hole_stays_partial_and_the_gap_is_told() -> None:
    bench = Bench()
    bench.media.failures[1] = [DARK]
    final = await bench.run()
    new = await again(final, bench.emitted)
    assert json.loads(new.aggregated_response or "") == {"job_id": "job-1", "chunks": 4, "gaps": [[60.0, 116.0]]}
    assert (new.status, new.error) == ("partial", final.error)
    assert new.coverage == final.coverage


async def test_a_cancelled_job_stays_cancelled() -> None:
    bench = Bench()
    run = Run("run-1", 1, {}, StopRequest())

    async def emit(result: ChunkResult) -> None:
        bench.emitted.append(result)
        run.stop.set(PermanentError(ErrorCode.CANCELLED, "Enough."))

    final = await bench.runner.run(make_job(), run, emit)
    assert final.status == "cancelled"
    assert 0 < len(final.chunks) < 5
    new = await again(final, bench.emitted)
    assert (new.status, new.error) == ("cancelled", final.error)
    assert json.loads(new.aggregated_response or "")["chunks"] == len(final.chunks)


async def test_results_of_other_runs_are_left_out() -> None:
    bench = Bench()
    final = await bench.run()
    others = [one.model_copy(update={"run_id": "run-0", "response": "Another video."}) for one in bench.emitted]
    engine = ScriptedEngine()
    await again(final, [*bench.emitted, *others], engine=engine)
    assert "Another video." not in engine.requests[0].prompt


async def test_results_that_are_not_there_are_named() -> None:
    bench = Bench()
    final = await bench.run()
    with pytest.raises(PermanentError, match="2 of 5 chunks of the job job-1 are missing") as caught:
        await again(final, bench.in_order()[:3])
    assert caught.value.code is ErrorCode.EVENT_INVALID
    assert "chunk 3" in caught.value.message


async def test_nothing_to_put_together() -> None:
    bench = Bench()
    bench.media.failures = {index: [DARK] for index in range(5)}
    final = await bench.run()
    with pytest.raises(PermanentError, match="nothing to put together"):
        await again(final, bench.emitted)


async def test_it_may_not_take_for_ever() -> None:
    bench = Bench()
    final = await bench.run()
    engine = ScriptedEngine()
    engine.answers[None] = [for_ever]
    with pytest.raises(TransientError, match="AGGREGATION_TIMEOUT_SECONDS"):
        await again(final, bench.emitted, engine=engine, aggregation_timeout_seconds=0.05)
    assert engine.aborted == ["again-1/aggregate/1/0"]
