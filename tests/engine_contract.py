"""What every engine must do; run for the synthetic one, and for vLLM with the small model."""

from __future__ import annotations

import abc
import asyncio
from dataclasses import replace

import pytest

from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.inference.budget import chunk_need, vision_tokens
from consumer.inference.engine import AggregateSubject, Engine, Generation, GenerationRequest
from consumer.inference.prompts import render_prompt

IN_FLIGHT = 8


class Questions(abc.ABC):
    """Asks questions that this kind of engine can answer."""

    @abc.abstractmethod
    def ask(self, number: int) -> GenerationRequest:
        """A question about a clip, another one for each number."""

    @abc.abstractmethod
    def is_answer(self, number: int, generation: Generation) -> bool:
        """Whether this is the answer to `ask(number)` and to no other."""


def text_only(question: GenerationRequest) -> GenerationRequest:
    """The question without its clip, as aggregation asks."""
    return replace(question, request_id="text", clip=None, subject=AggregateSubject("job", 3, ()))


class EngineContract:
    """Subclasses have the fixtures `engine` (started) and `questions`."""

    async def test_each_of_many_gets_its_own_answer(self, engine: Engine, questions: Questions) -> None:
        asked = [questions.ask(number) for number in range(IN_FLIGHT)]
        answers = await asyncio.gather(*(engine.generate(one) for one in asked))
        for number, answer in enumerate(answers):
            assert questions.is_answer(number, answer), (number, answer.text)
            assert answer.finish_reason == "stop"

    async def test_tokens_are_counted_as_the_budget_expects(self, engine: Engine, questions: Questions) -> None:
        question = questions.ask(1)
        assert question.clip is not None
        # Before it is asked: an engine may keep something else in the frames' place.
        frames, height, width = question.clip.pixels.shape[:3]
        answer = await engine.generate(question)
        text = engine.count_tokens(render_prompt(question.prompt, question.system_prompt, with_video=True))
        need = chunk_need(
            frames=frames,
            height=height,
            width=width,
            prompt_tokens=text,
            max_tokens=question.sampling.max_tokens,
        )
        assert answer.vision_tokens == vision_tokens(frames, height, width)
        assert answer.vision_tokens < answer.prompt_tokens <= need.vision + need.stamps + need.prompt
        assert answer.completion_tokens > 0

    async def test_times_follow_each_other(self, engine: Engine, questions: Questions) -> None:
        answer = await engine.generate(questions.ask(2))
        assert 0 <= answer.wait_seconds <= answer.first_token_seconds <= answer.generate_seconds

    async def test_text_alone(self, engine: Engine, questions: Questions) -> None:
        answer = await engine.generate(text_only(questions.ask(1)))
        assert answer.text
        assert answer.vision_tokens == 0
        assert answer.prompt_tokens > 0

    async def test_what_is_too_long_is_refused_and_nothing_else(self, engine: Engine, questions: Questions) -> None:
        too_long = replace(text_only(questions.ask(1)), prompt="What? " * (2 * engine.limits.max_model_len))
        with pytest.raises(PermanentError) as caught:
            await engine.generate(too_long)
        assert caught.value.code is ErrorCode.ENGINE_REJECTED
        assert engine.alive
        assert questions.is_answer(3, await engine.generate(questions.ask(3)))

    async def test_cancelling_one_leaves_the_others_alone(self, engine: Engine, questions: Questions) -> None:
        tasks = [asyncio.ensure_future(engine.generate(questions.ask(number))) for number in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[1]
        for number in (0, 2):
            assert questions.is_answer(number, await tasks[number])
        assert engine.alive

    async def test_the_same_question_gives_the_same_answer(self, engine: Engine, questions: Questions) -> None:
        first = await engine.generate(questions.ask(4))
        again = await engine.generate(replace(questions.ask(4), request_id="again"))
        assert first.text == again.text

    async def test_what_was_prepared_is_answered_like_all_else(self, engine: Engine, questions: Questions) -> None:
        question = questions.ask(4)
        for _ in range(2):
            await engine.prepare(question)
        first, plain = await engine.generate(question), await engine.generate(questions.ask(4))
        assert (first.text, first.prompt_tokens) == (plain.text, plain.prompt_tokens)
        await engine.prepare(text_only(questions.ask(1)))

    async def test_it_says_what_it_is(self, engine: Engine) -> None:
        assert engine.info.engine
        assert engine.info.engine_version != "unknown"
        assert engine.limits.max_model_len >= 256
        assert engine.limits.max_num_batched_tokens >= 256

    async def test_more_text_is_more_tokens(self, engine: Engine) -> None:
        assert engine.count_tokens("") == 0
        assert 0 < engine.count_tokens("a word") < engine.count_tokens("a word and one more, and more of them")


async def check_ended(engine: Engine, question: GenerationRequest) -> None:
    """What holds once an engine ended, and that `stop` may be called as often as one likes."""
    for _ in range(2):
        await engine.stop()
        assert not engine.alive
        with pytest.raises(TransientError) as caught:
            await engine.generate(question)
        assert caught.value.code is ErrorCode.ENGINE_DIED
