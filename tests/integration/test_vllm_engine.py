"""The real vLLM on the CPU with the small model: one start for all, since it takes a minute or more."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import psutil
import pytest
import pytest_asyncio

from consumer.demo.model_path import demo_model
from consumer.demo.score import compare, tellable
from consumer.demo.sentences import parse
from consumer.demo.settings import prepare_environment
from consumer.errors import ConfigurationError, ErrorCode, PermanentError, TransientError
from consumer.inference.checks import check_output
from consumer.inference.engine import Clip, Generation, GenerationRequest
from consumer.inference.trust import first_light
from consumer.inference.vllm_adapter import VllmBackend
from consumer.inference.vllm_engine import VllmEngine
from consumer.inference.vllm_processes import engine_processes
from consumer.job.first_light import filmed_markers
from consumer.job.guard import GuardedEngine
from consumer.job.tools import Tools
from consumer.settings import Settings
from consumer.telemetry.foreign import ForeignMetrics
from consumer.telemetry.metrics import Metrics
from tests.answer_checks import AnswerChecks
from tests.engine_contract import EngineContract, Questions, check_ended, text_only
from tests.integration.vllm_names import vllm_names
from tests.marker_clips import FPS, SECONDS, marker_clip, marker_question, marker_script
from tests.rendering_checks import RenderingChecks
from tests.routing import storm
from tools.tiny_model.exam import SCHEMA

pytestmark = [pytest.mark.timeout(600), pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def backends() -> list[VllmBackend]:
    """What the engine started, for tests that look behind it."""
    return []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(backends: list[VllmBackend]) -> AsyncIterator[VllmEngine]:
    prepare_environment()
    settings = Settings(
        model_name=str(demo_model()),
        max_model_len=8192,
        dtype="float32",
        enforce_eager=True,
        max_num_seqs=8,
        # Less than two clips: of those in flight, one is always cut in the middle by a step's end.
        max_num_batched_tokens=1024,
        timestamps="absolute",
        log_level="ERROR",
    )
    load = VllmBackend.load

    def keep(*given: Any) -> VllmBackend:
        backends.append(load(*given))
        return backends[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VllmBackend, "load", keep)
        made = VllmEngine(settings)
        await made.start()
    yield made
    await made.stop()


@pytest.fixture
def backend(engine: VllmEngine, backends: list[VllmBackend]) -> VllmBackend:
    return backends[0]


class Markers(Questions):
    """Each clip has its number in the corner, and the small model begins its answer with it."""

    def ask(self, number: int) -> GenerationRequest:
        return marker_question(number * 11, start=100.0 * number)

    def is_answer(self, number: int, generation: Generation) -> bool:
        return generation.text.startswith(f"marker {number * 11:02d}\n")


@pytest.fixture
def questions() -> Markers:
    return Markers()


class TestContract(EngineContract):
    pass


class TestAnswers(AnswerChecks):
    pass


class TestRendering(RenderingChecks):
    pass


async def test_the_model_tells_what_happens_and_when(engine: VllmEngine) -> None:
    starts = {7: 0.0, 23: 118.0, 58: 7384.0, 91: 40_006.0, 36: 50.0, 62: 60.0, 84: 70.0, 19: 80.0}
    answers = await asyncio.gather(*(engine.generate(marker_question(*one)) for one in starts.items()))
    right = expected = 0
    for (marker, start), answer in zip(starts.items(), answers, strict=True):
        events = tellable(marker_script(marker).events, 0, SECONDS, FPS)
        moved = [replace(event, time=event.time + start) for event in events]
        score, _ = compare(parse(answer.text).told, moved)
        right, expected = right + score.right, expected + score.expected
    assert expected >= 16
    assert right / expected > 0.95


async def test_a_schema_is_kept(engine: VllmEngine) -> None:
    answer = await engine.generate(marker_question(42, response_schema=SCHEMA))
    parsed = check_output(answer, SCHEMA)
    assert parsed is not None
    assert json.loads(parsed)["marker"] == "42"


async def test_a_schema_is_kept_whatever_the_model_would_say(engine: VllmEngine) -> None:
    schema = '{"enum": ["yes", "no"]}'
    asked = replace(marker_question(42, response_schema=schema), prompt="Describe what happens, with times.")
    answer = await engine.generate(asked)
    assert json.loads(check_output(answer, schema) or "null") in ("yes", "no")


async def test_a_seed_repeats_a_drawn_answer(engine: VllmEngine) -> None:
    asked = text_only(marker_question(1))
    hot = replace(asked.sampling, temperature=2.0, max_tokens=40)
    drawn = [
        (await engine.generate(replace(asked, request_id=f"seed-{k}", sampling=replace(hot, seed=seed)))).text
        for k, seed in enumerate((1, 1, 2))
    ]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


async def test_a_value_that_vllm_refuses_is_named(engine: VllmEngine) -> None:
    asked = text_only(marker_question(1))
    with pytest.raises(PermanentError, match="top_p") as caught:
        await engine.generate(replace(asked, sampling=replace(asked.sampling, top_p=7.0)))
    assert caught.value.code is ErrorCode.ENGINE_REJECTED
    assert "\n" not in caught.value.message
    assert engine.alive


async def test_the_first_questions_are_answered_and_other_times_than_agreed_are_found(engine: VllmEngine) -> None:
    settings = Settings(timestamps="absolute")
    markers = filmed_markers(settings)
    light = await first_light(engine, settings, markers)
    assert light.reads
    assert light.prompt_seen
    with pytest.raises(ConfigurationError, match=r"time stamps are 0\.8, 1\.8 s instead of 0\.2, 1\.2 s"):
        await first_light(engine, Settings(timestamps="relative"), markers)


async def test_an_engine_arg_is_looked_for_in_vllm_s_own_list(engine: VllmEngine) -> None:
    wrong = Settings(model_name=str(demo_model()), engine_args={"load_fromat": "dummy"})
    with pytest.raises(ConfigurationError, match=r"no engine argument load_fromat; did you mean load_format\?"):
        VllmBackend.load(wrong, lambda: False)


def endless() -> GenerationRequest:
    """A question whose answer takes thousands of tokens: the schema wants them."""
    asked = text_only(marker_question(1))
    schema = '{"type": "array", "items": {"enum": ["one", "two"]}, "minItems": 1000}'
    return replace(asked, sampling=replace(asked.sampling, max_tokens=7000, response_schema=schema))


async def in_the_engine(task: asyncio.Task[Generation], backend: VllmBackend) -> None:
    async with asyncio.timeout(60):
        while not backend.unfinished:
            await asyncio.sleep(0.01)
    assert not task.done()


async def test_a_cancelled_request_is_aborted_in_the_engine(engine: VllmEngine, backend: VllmBackend) -> None:
    task = asyncio.ensure_future(engine.generate(endless()))
    await in_the_engine(task, backend)
    async with asyncio.timeout(60):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while backend.unfinished:
            await asyncio.sleep(0.01)
    assert engine.alive


async def test_a_request_that_runs_out_of_time_leaves_the_engine(engine: VllmEngine, backend: VllmBackend) -> None:
    """Its memory comes back with it, and the engine is there for others."""
    settings = Settings(generate_timeout_seconds=1.0, retry_seconds=0.0)
    guarded = GuardedEngine(engine, settings, Metrics(), Tools())
    with pytest.raises(TransientError, match="GENERATE_TIMEOUT_SECONDS") as caught:
        await guarded.generate(endless())
    assert caught.value.code is ErrorCode.ENGINE_TIMEOUT
    async with asyncio.timeout(60):
        while backend.unfinished:
            await asyncio.sleep(0.01)
    settings = Settings(generate_timeout_seconds=300.0)
    answer = await GuardedEngine(engine, settings, Metrics(), Tools()).generate(marker_question(42))
    assert answer.text.startswith("marker 42")


async def test_it_tells_how_it_gets_on_and_what_fits(engine: VllmEngine) -> None:
    begun: list[int] = []
    before = engine.progress
    engine.on_step(begun.append)
    # More than one step takes, so that some wait in the engine.
    await asyncio.gather(*(engine.generate(marker_question(number)) for number in range(6)))
    assert engine.progress > before + 6
    assert begun[0] == 0
    assert 0 < max(begun) <= 6
    assert begun[-1] == 0, "the step that answers is told of before the answers, and without those that it answered"
    limits = engine.limits
    assert limits.kv_cache_tokens is not None
    assert limits.kv_cache_tokens >= limits.max_model_len
    assert limits.encoder_cache_tokens is not None
    assert limits.encoder_cache_tokens >= limits.max_num_batched_tokens


async def test_each_of_two_hundred_gets_its_own_answer(engine: VllmEngine, backend: VllmBackend) -> None:
    """Of 64 in flight, some given up at any moment: while they are rendered, wait, are read or answered."""
    first = marker_question(0)
    sampling = replace(first.sampling, max_tokens=6)
    # Two seconds: the number is in every frame.
    clips = [marker_clip(number, 10.0 * number) for number in range(100)]
    short = [Clip(made.pixels[:4], made.times[:4], made.start_time) for made in clips]

    def ask(number: int) -> GenerationRequest:
        made = replace(short[number % 100])
        return replace(first, request_id=f"storm-{number}", clip=made, sampling=sampling)

    said: dict[int, str] = {}

    def is_answer(number: int, answer: Generation) -> bool:
        said[number] = answer.text
        return answer.text.startswith(f"marker {number % 100:02d}")

    seen = await storm(engine, ask, is_answer, count=200, in_flight=64, patience=4.0)
    assert seen.answered > 100
    assert min(seen.cancelled, seen.timed_out) > 0
    async with asyncio.timeout(60):
        while backend.unfinished:
            await asyncio.sleep(0.01)
    # The small model misreads some numbers, whoever else is in flight.
    assert len(seen.wrong) < 20
    for number in seen.wrong:
        alone = await engine.generate(replace(ask(number), request_id=f"alone-{number}"))
        assert alone.text == said[number]


async def test_two_videos_of_one_request_id_are_two(engine: VllmEngine) -> None:
    asked = [replace(marker_question(marker), request_id="the same") for marker in (13, 31)]
    answers = await asyncio.gather(*(engine.generate(one) for one in asked))
    assert [re.match(r"marker (\d\d)", answer.text)[1] for answer in answers] == ["13", "31"]  # type: ignore[index]


async def test_vllm_s_own_metrics_are_what_the_dashboards_ask_for(engine: VllmEngine) -> None:
    await engine.generate(marker_question(42))
    names = {sample.name for family in ForeignMetrics().collect() for sample in family.samples}
    assert set(vllm_names()) <= names


async def test_the_end_when_the_engine_s_process_dies(engine: VllmEngine, backend: VllmBackend) -> None:
    """The last one: nothing can be asked after it."""
    processes: list[psutil.Process] = engine_processes()
    assert processes
    task = asyncio.ensure_future(engine.generate(endless()))
    await in_the_engine(task, backend)
    os.kill(processes[0].pid, signal.SIGKILL)
    with pytest.raises(TransientError) as caught:
        async with asyncio.timeout(60):
            await task
    assert caught.value.code is ErrorCode.ENGINE_DIED
    await check_ended(engine, marker_question(5))
    _, left = psutil.wait_procs(processes, timeout=30)
    assert left == []
