"""A second question about a part of a chunk is answered with the frames of a whole chunk."""

from __future__ import annotations

import json
from typing import cast

import pytest

from consumer.errors import ErrorCode, PermanentError
from consumer.events.models import ChunkResult
from consumer.inference.engine import Engine, EngineLimits
from consumer.inference.prompts import prompt_digest
from consumer.inference.synthetic import SyntheticEngine
from consumer.job import JobRunner, Question, Run
from consumer.media.library import MediaLibrary
from tests.unit.job.fakes import Bench, make_job

RUN = Run("run-1", 1, {})


def question(start: float, end: float, fps: float | None = None, schema: str | None = None) -> Question:
    return Question("zoom-1", "What is written there?", start, end, fps, schema)


async def zoomed(bench: Bench, asked: Question) -> ChunkResult:
    return await bench.runner.zoom(make_job(system_prompt="Be brief."), RUN, asked)


async def test_a_few_seconds_get_the_frames_of_a_whole_chunk() -> None:
    bench = Bench()
    await bench.run()
    whole = bench.by_index()[1].frames
    bench.emitted.clear()
    result = await zoomed(bench, question(70.0, 75.0))
    assert whole is not None
    assert result.frames is not None
    assert (result.start_time, result.end_time, result.chunk_index) == (70.0, 75.0, 1)
    assert (result.success, result.response) == (True, "Chunk 1 shows a grey wall.")
    assert result.frames.count == 150 > whole.count
    assert 70.0 == result.frames.first_time < result.frames.last_time < 75.0
    assert bench.media.closed == bench.media.opened == 2
    assert bench.emitted == []


async def test_fewer_frames_are_shown_larger() -> None:
    bench = Bench()
    many = (await zoomed(bench, question(70.0, 80.0))).frames
    few = (await bench.runner.zoom(make_job(), RUN, Question("zoom-2", "What?", 70.0, 80.0, 2.0))).frames
    assert many is not None
    assert few is not None
    assert (few.count, few.width, few.height) == (20, 640, 352)
    assert many.width < few.width
    assert many.count // 2 * many.width // 32 * many.height // 32 <= 18_000


async def test_the_question_is_asked_about_these_seconds() -> None:
    bench = Bench()
    result = await zoomed(bench, question(70.0, 75.0))
    (request,) = bench.engine.requests
    assert (request.prompt, request.system_prompt) == ("What is written there?", "Be brief.")
    assert request.request_id.startswith("zoom-1/")
    assert request.clip is not None
    assert request.clip.start_time == 70.0
    assert all(70.0 <= time < 75.0 for time in request.clip.times)
    assert result.provenance.prompt_digest == prompt_digest("What is written there?", "Be brief.")


async def test_the_answer_is_checked_like_a_chunk_s() -> None:
    bench = Bench(timestamps="absolute")
    bench.engine.answers[1] = ["", '{"t": 90.0, "text": "EXIT"}']
    result = await zoomed(bench, question(70.0, 75.0, schema='{"type": "object", "required": ["text"]}'))
    assert json.loads(result.parsed or "")["text"] == "EXIT"
    again, outside = result.warnings
    assert "OUTPUT_EMPTY" in again
    assert outside == "1 of 1 times told lie outside 70 s to 75 s: 90 s"


async def test_a_small_context_makes_fewer_tokens_of_it() -> None:
    limits = EngineLimits(4096, 4096)
    bench = Bench(limits=limits)
    result = await zoomed(bench, question(70.0, 75.0))
    assert result.degraded[0].startswith("max_vision_tokens 18000 lowered to ")
    assert result.frames is not None
    assert result.frames.count // 2 * result.frames.width // 32 * result.frames.height // 32 < 4096


@pytest.mark.parametrize(("start", "end"), [(50.0, 70.0), (75.0, 75.0), (75.0, 70.0), (280.0, 291.0)])
async def test_a_part_must_lie_within_one_chunk(start: float, end: float) -> None:
    bench = Bench()
    with pytest.raises(PermanentError, match=f"start_time \\({start:g} s\\) and end_time \\({end:g} s\\)") as caught:
        await zoomed(bench, question(start, end))
    assert caught.value.code is ErrorCode.EVENT_INVALID
    assert bench.media.decoded == []
    assert bench.media.closed == bench.media.opened


async def test_a_schema_that_is_none_is_said() -> None:
    with pytest.raises(PermanentError, match="response_schema"):
        await zoomed(Bench(), question(70.0, 75.0, schema='{"type": 7}'))


async def test_the_synthetic_engine_tells_what_it_was_shown() -> None:
    bench = Bench()
    engine = SyntheticEngine(seconds_per_chunk=0, limits=EngineLimits(131_072, 131_072))
    runner = JobRunner(
        media=cast(MediaLibrary, bench.library),
        engine=cast(Engine, engine),
        settings=bench.settings,
        metrics=bench.metrics,
        worker="worker-1",
        tools=bench.time.tools(),
    )
    told = json.loads((await runner.zoom(make_job(), RUN, question(70.0, 75.0))).response or "")
    assert (told["job_id"], told["chunk_index"], told["frames"]) == ("job-1", 1, 150)
    assert min(told["times"]) == 70.0
