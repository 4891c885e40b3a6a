"""What comes of answers that are of no use, through a real engine: the small model is made to give them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from consumer.errors import CodedError, ErrorCode, TransientError
from consumer.inference.aggregation import ChunkText, aggregate
from consumer.inference.asking import Exchange, ask
from consumer.inference.budget import chunk_need
from consumer.inference.engine import Engine, GenerationRequest
from consumer.inference.prompts import text_tokens
from consumer.inference.stamps import stamp_costs
from consumer.inference.told_times import times_warning, told_times
from tests.engine_contract import text_only
from tests.marker_clips import FPS, PROMPT, SAMPLING, SECONDS, marker_question

LOOP_SCHEMA = json.dumps({"const": "the red car goes on and on, " * 100})
EVENTS_SCHEMA = '{"type": "object", "properties": {"marker": {"type": "string"}}, "required": ["marker"]}'


def limited(request: GenerationRequest, max_tokens: int, schema: str | None = None) -> GenerationRequest:
    sampling = replace(request.sampling, max_tokens=max_tokens, response_schema=schema)
    return replace(request, request_id=f"limited-{max_tokens}", sampling=sampling)


async def failed(engine: Engine, request: GenerationRequest) -> tuple[CodedError, Exchange]:
    exchange = Exchange(request.sampling)
    with pytest.raises(TransientError) as caught:
        await ask(engine, request, exchange, lambda: 0.5)
    return caught.value, exchange


class AnswerChecks:
    """Subclasses have the fixture `engine`: started, with the small model and absolute times."""

    async def test_tokens_are_known_before(self, engine: Engine) -> None:
        for start in (0.0, 7384.0, 40_006.0):
            question = marker_question(23, start=start)
            answer = await engine.generate(question)
            assert question.clip is not None
            costs = stamp_costs(engine.count_tokens)
            assert costs.exact
            need = chunk_need(
                frames=FPS * SECONDS,
                height=192,
                width=192,
                prompt_tokens=text_tokens(engine.count_tokens, question.prompt, None),
                max_tokens=0,
                stamps=costs.of_clip(question.clip.times, 0.0),
            )
            assert answer.prompt_tokens == need.total

    async def test_an_answer_that_was_cut_off_is_an_answer(self, engine: Engine) -> None:
        request = limited(marker_question(42), 5)
        exchange = Exchange(request.sampling)
        assert await ask(engine, request, exchange, lambda: 0.5)
        assert exchange.generation is not None
        assert (exchange.generation.finish_reason, exchange.generation.completion_tokens) == ("length", 5)
        assert exchange.warnings == []

    async def test_a_loop_is_asked_about_once_more_and_then_an_error(self, engine: Engine) -> None:
        error, exchange = await failed(engine, limited(text_only(marker_question(1)), 400, LOOP_SCHEMA))
        assert error.code is ErrorCode.OUTPUT_REPETITIVE
        assert [one.finish_reason for one in exchange.answers] == ["length", "length"]
        assert (exchange.sampling.presence_penalty, exchange.sampling.seed) == (1.0, 2**30)
        assert exchange.warnings == [
            "the first answer was of no use (OUTPUT_REPETITIVE) and asked for again with seed 1073741824 "
            "and presence_penalty 1"
        ]

    async def test_json_that_was_cut_off_is_asked_about_once_more_and_then_an_error(self, engine: Engine) -> None:
        error, exchange = await failed(engine, limited(marker_question(42), 4, EVENTS_SCHEMA))
        assert error.code is ErrorCode.OUTPUT_INVALID_JSON
        assert "cut off at max_tokens" in error.message
        assert len(exchange.answers) == 2
        assert exchange.parsed is None

    async def test_times_are_those_of_the_clip(self, engine: Engine) -> None:
        """The answer about seconds 7,384 to 7,394 passes there, and would be found out anywhere else."""
        text = (await engine.generate(marker_question(58, start=7384.0))).text
        told = len(told_times(text))
        assert told >= 1
        assert times_warning(text, start=7384.0, end=7384.0 + SECONDS, prompt=PROMPT) is None
        wrong = times_warning(text, start=0.0, end=60.0, prompt=PROMPT)
        assert (wrong or "").startswith(f"{told} of {told} times told lie outside 0 s to 60 s: 73")

    async def test_what_two_chunks_tell_of_the_same_seconds_is_told_once(self, engine: Engine) -> None:
        first = "[3.0s] a red circle enters from the left\n[9.0s] the red circle stops"
        second = "[9.0s] the red circle stops\n[12.0s] the red circle leaves to the right"
        merged = await aggregate(
            engine,
            job_id="job",
            run_id="merge",
            prompt=PROMPT,
            system_prompt=None,
            aggregation_prompt=None,
            chunks=[ChunkText(0, 0.0, 10.0, first), ChunkText(1, 8.0, 18.0, second)],
            gaps=(),
            sampling=SAMPLING,
            relative_times=False,
            draw=lambda: 0.5,
        )
        assert [one.seconds for one in told_times(merged.text)] == [3.0, 9.0, 12.0]
        assert (merged.levels, merged.calls, merged.warnings) == (1, 1, ())
