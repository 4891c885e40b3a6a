"""Which chunks matter to a question, by what was written about them: the model chooses, from the texts alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from consumer.errors import ErrorCode, PermanentError
from consumer.inference.aggregation import ChunkText
from consumer.inference.aggregation_plan import cut_text, largest_text, plan_groups
from consumer.inference.asking import Exchange, ask
from consumer.inference.engine import ChoiceSubject, Engine, GenerationRequest, SamplingValues
from consumer.inference.merge_prompt import INTRODUCTION, block
from consumer.inference.prompts import render_prompt

# An index has few digits, and a list of so many fits with room to spare.
_TOKENS_AN_INDEX = 8
_SLACK_TOKENS = 64
_LEAST_ROOM = 256


@dataclass(frozen=True, slots=True)
class Choice:
    """A question about chunks.

    Args:
        name: of the requests in the engine, and of nobody else's.
        most: chunks that may be chosen, at least 1.
    """

    name: str
    job_id: str
    question: str
    most: int


async def choose(
    engine: Engine, choice: Choice, chunks: Sequence[ChunkText], draw: Callable[[], float]
) -> frozenset[int]:
    """The indexes of the chunks that matter most: at least one, at most `choice.most`.

    Texts that do not fit into one prompt are chosen among in groups, and again among what was chosen.

    Args:
        chunks: in order of index, at least one.

    Raises:
        PermanentError: BUDGET_TOO_SMALL, MAX_MODEL_LEN leaves no room; else as `ask`.
        TransientError: as `ask`.
    """
    left, level = list(chunks), 0
    while True:
        groups = await _groups(engine, choice, left)
        share = max(1, choice.most // len(groups))
        chosen: set[int] = set()
        for number, group in enumerate(groups):
            name = f"{choice.name}/choice/{level}/{number}"
            chosen |= await _choose(engine, replace(choice, name=name, most=share), group, draw)
        if len(chosen) <= choice.most:
            return frozenset(chosen)
        left, level = [one for one in left if one.chunk_index in chosen], level + 1


async def _choose(engine: Engine, choice: Choice, chunks: Sequence[ChunkText], draw: Callable[[], float]) -> set[int]:
    indexes = [one.chunk_index for one in chunks]
    if len(indexes) <= choice.most:
        return set(indexes)
    exchange = Exchange(_sampling(choice))
    request = GenerationRequest(
        request_id=choice.name,
        prompt=_prompt(choice, chunks),
        system_prompt=None,
        clip=None,
        sampling=exchange.sampling,
        subject=ChoiceSubject(choice.job_id, tuple(indexes), choice.most),
    )
    answer = await ask(engine, request, exchange, draw)
    # A number that no chunk has is none; where nothing else was named, the first chunk is as good as any.
    named = dict.fromkeys(one for one in json.loads(exchange.parsed or answer) if one in indexes)
    return set(list(named)[: choice.most]) or {indexes[0]}


def _prompt(choice: Choice, chunks: Sequence[ChunkText]) -> str:
    blocks = [block(one.chunk_index, one.start_time, one.end_time, one.text) for one in chunks]
    instruction = (
        f"Question: {choice.question}\nWhich chunks must be looked at again to answer it? Name at most {choice.most} "
        "of them by their numbers, the most important first, as a JSON list."
    )
    return "\n".join([INTRODUCTION, *blocks, instruction])


def _sampling(choice: Choice) -> SamplingValues:
    """Greedy: another try of the same job is to choose the same."""
    schema = {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": choice.most}
    tokens = _TOKENS_AN_INDEX * choice.most + _SLACK_TOKENS
    return SamplingValues(tokens, 0.0, 1.0, -1, 0.0, 0, json.dumps(schema))


async def _groups(engine: Engine, choice: Choice, chunks: Sequence[ChunkText]) -> list[list[ChunkText]]:
    """The chunks in groups that each fit into one prompt, texts that are too long by themselves cut off."""
    empty = render_prompt(_prompt(choice, ()), None, with_video=False)
    answer = _TOKENS_AN_INDEX * choice.most + _SLACK_TOKENS
    room = engine.limits.max_model_len - engine.count_tokens(empty) - answer - _SLACK_TOKENS
    if room < _LEAST_ROOM:
        raise PermanentError(
            ErrorCode.BUDGET_TOO_SMALL,
            f"The question leaves no room for the chunks' texts within MAX_MODEL_LEN ({engine.limits.max_model_len}): "
            "shorten it, or raise MAX_MODEL_LEN.",
        )

    def cost(one: ChunkText) -> int:
        return engine.count_tokens(block(one.chunk_index, one.start_time, one.end_time, one.text)) + 1

    largest = largest_text(room, len(chunks))
    fitting, costs = [], []
    for one in chunks:
        if cost(one) > largest:
            text = cut_text(one.text, lambda text, one=one: cost(replace(one, text=text)) <= largest)  # type: ignore[misc]
            one = replace(one, text=text)  # noqa: PLW2901 - the same chunk, shorter
        fitting.append(one)
        costs.append(cost(one))
        await asyncio.sleep(0)  # counting many long texts must not hold up the other jobs
    return [[fitting[index] for index in group] for group in plan_groups(costs, room)]
