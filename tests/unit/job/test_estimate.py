"""What a job will cost, beside what the job's own plan says and what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consumer.errors import ErrorCode, PermanentError
from consumer.inference.tokenizer import TextCounter
from consumer.job import Run
from consumer.job.context import make_context
from consumer.job.estimate import Estimate, PlannedEngine, estimate, planned
from consumer.job.throughput import CARDS, throughput_of
from consumer.settings import Settings
from tests.unit.job.fakes import INFO, make_job
from tests.unit.stream.builders import chunk, final

SETTINGS = Settings.model_validate({})
ENGINE = PlannedEngine.of(SETTINGS, TextCounter(lambda text: len(text.split()), True))
FEEDING = Path(__file__).parents[2] / "benchmarks" / "results" / "feeding.json"


def test_it_is_the_sum_of_what_the_job_s_chunks_need() -> None:
    job = make_job(fps=1.5, max_tokens=100)
    run = Run("run", 1, {})
    context = make_context(job, run, info=INFO, identity="a", engine=ENGINE, settings=SETTINGS, worker="w")
    needs = [context.need(context.frames_of(one)) for one in context.plan.chunks]
    assert estimate(job, INFO, ENGINE, SETTINGS) == Estimate(
        seconds=290.0,
        chunks=5,
        frames=sum(len(plan.times) for plan in planned(job, INFO, ENGINE, SETTINGS)),
        vision_tokens=sum(need.vision for need in needs),
        prompt_tokens=sum(need.total - need.answer for need in needs),
        answer_tokens=500,
    )


def test_frames_that_are_not_there_cost_nothing() -> None:
    whole = estimate(make_job(), INFO, ENGINE, SETTINGS)
    half = estimate(make_job(), INFO, ENGINE, SETTINGS, lambda plan: plan.times[::2])
    assert (half.frames, half.vision_tokens) == (whole.frames / 2, whole.vision_tokens / 2)
    assert half.prompt_tokens < whole.prompt_tokens


def test_a_job_that_would_fail_has_no_estimate() -> None:
    short = Settings.model_validate({"max_model_len": 1024})
    with pytest.raises(PermanentError) as caught:
        estimate(make_job(max_tokens=1020), INFO, PlannedEngine.of(short, ENGINE.counter), short)
    assert caught.value.code is ErrorCode.BUDGET_TOO_SMALL


@pytest.mark.parametrize(("card", "row"), [("h200-bf16", "bf16"), ("h200-fp8", "fp8, four steps ahead")])
def test_cards_do_what_was_measured(card: str, row: str) -> None:
    measured = json.loads(FEEDING.read_text())[row]
    assert measured["card"] == "NVIDIA H200"
    chain = measured["chain"]
    assert CARDS[card].answer_tokens == chain["answer_tokens"]
    rate = chain["prompt_tokens"] * chain["chunks"] / chain["seconds"]
    assert CARDS[card].prompt_tokens_per_second == pytest.approx(rate, rel=1e-4)
    assert CARDS[card].seconds(int(chain["prompt_tokens"] * chain["chunks"])) == pytest.approx(
        chain["seconds"], rel=1e-4
    )


def test_a_finished_job_is_a_measurement() -> None:
    done = final(2)
    tokens = done.tokens.model_copy(update={"prompt": 3_000})
    spoken = done.tokens.model_copy(update={"completion": 50})
    chunks = (chunk(0).model_copy(update={"tokens": spoken}), chunk(1).model_copy(update={"success": False}))
    found = throughput_of(done.model_copy(update={"tokens": tokens}), chunks)
    assert found is not None
    assert (found.where, found.prompt_tokens_per_second, found.answer_tokens) == ("the job job", 1_500, 50)
    assert throughput_of(done, chunks) is None
