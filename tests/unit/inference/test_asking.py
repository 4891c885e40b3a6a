"""An answer of no use is asked for once more, otherwise; what happened is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import CodedError, ErrorCode, PermanentError, TransientError
from consumer.inference.asking import Exchange, ask, other_seed, second_sampling
from tests.unit.inference.builders import SAMPLING, ScriptedEngine, clip, request

LOOP = "the car goes on, " * 30
ASKED = request(clip(0.0, 1.0, 2.0, 3.0))


async def asked(answers: list[str | Exception], schema: str | None = None) -> tuple[ScriptedEngine, Exchange, str]:
    engine = ScriptedEngine(answers=answers)
    exchange = Exchange(ASKED.sampling)
    sampling = replace(ASKED.sampling, response_schema=schema)
    text = await ask(engine, replace(ASKED, sampling=sampling), exchange, lambda: 0.5)
    return engine, exchange, text


async def test_a_good_answer_is_asked_for_once() -> None:
    engine, exchange, text = await asked(["A car."])
    assert (text, len(engine.requests), exchange.sampling, exchange.warnings) == ("A car.", 1, SAMPLING, [])


async def test_after_a_loop_the_penalty_is_stronger_and_the_seed_another() -> None:
    engine, exchange, text = await asked([LOOP, "A car."])
    first, second = engine.requests
    assert text == "A car."
    assert second.request_id == f"{first.request_id}/again"
    assert second.sampling == exchange.sampling == replace(SAMPLING, seed=2, presence_penalty=1.0)
    assert second.clip is first.clip
    assert exchange.warnings == [
        "the first answer was of no use (OUTPUT_REPETITIVE) and asked for again with seed 2 and presence_penalty 1"
    ]
    assert [one.text for one in exchange.answers] == [LOOP, "A car."]


@pytest.mark.parametrize(
    ("answer", "schema", "code"),
    [(" ", None, ErrorCode.OUTPUT_EMPTY), ("no JSON", '{"type": "object"}', ErrorCode.OUTPUT_INVALID_JSON)],
)
async def test_after_other_failures_the_seed_is_another(answer: str, schema: str | None, code: ErrorCode) -> None:
    engine, exchange, _ = await asked([answer, "{}"], schema)
    assert engine.requests[1].sampling == replace(engine.requests[0].sampling, seed=2)
    assert exchange.parsed == (None if schema is None else "{}")
    assert exchange.warnings == [f"the first answer was of no use ({code.value}) and asked for again with seed 2"]


async def test_a_second_answer_of_no_use_is_the_end() -> None:
    engine = ScriptedEngine(answers=[LOOP, "", "never asked for"])
    exchange = Exchange(ASKED.sampling)
    with pytest.raises(TransientError) as caught:
        await ask(engine, ASKED, exchange, lambda: 0.5)
    assert caught.value.code is ErrorCode.OUTPUT_EMPTY
    assert [one.text for one in exchange.answers] == [LOOP, ""]
    assert len(exchange.warnings) == 1


@pytest.mark.parametrize(
    "error", [PermanentError(ErrorCode.ENGINE_REJECTED, "No."), TransientError(ErrorCode.ENGINE_DIED, "Gone.")]
)
async def test_what_the_engine_cannot_do_is_not_asked_again(error: CodedError) -> None:
    engine = ScriptedEngine(answers=[error, "never asked for"])
    with pytest.raises(CodedError) as caught:
        await ask(engine, ASKED, Exchange(ASKED.sampling), lambda: 0.5)
    assert caught.value is error
    assert len(engine.requests) == 1


async def test_both_answers_count_in_the_time() -> None:
    _, exchange, _ = await asked(["", "A car."])
    exchange.answers = [replace(one, generate_seconds=2.0, wait_seconds=0.5) for one in exchange.answers]
    assert exchange.generation is not None
    assert (exchange.generation.generate_seconds, exchange.generation.wait_seconds) == (4.0, 1.0)
    assert exchange.generation.text == "A car."
    assert Exchange(SAMPLING).generation is None


@given(
    seed=st.none() | st.integers(0, 2**63 - 1),
    penalty=st.floats(-2, 2),
    code=st.sampled_from([ErrorCode.OUTPUT_EMPTY, ErrorCode.OUTPUT_REPETITIVE, ErrorCode.OUTPUT_INVALID_JSON]),
    draw=st.floats(0, 1, exclude_max=True),
)
def test_the_second_try_is_within_what_engines_take(
    seed: int | None, penalty: float, code: ErrorCode, draw: float
) -> None:
    first = replace(SAMPLING, seed=seed, presence_penalty=penalty)
    second = second_sampling(first, code, draw)
    assert second.seed not in (None, seed)
    assert 0 <= (second.seed or 0) < 2**63
    assert second.presence_penalty <= 2
    stronger = second.presence_penalty > penalty
    assert stronger == (code is ErrorCode.OUTPUT_REPETITIVE and penalty < 2)
    assert second == replace(first, seed=second.seed, presence_penalty=second.presence_penalty)


def test_a_seed_from_chance() -> None:
    assert other_seed(None, 0.25) != other_seed(None, 0.5)
