"""Levels of merging calls: the machinery behind `aggregate`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from consumer.errors import ErrorCode, PermanentError
from consumer.inference.aggregation_plan import cut_text, largest_text, plan_groups
from consumer.inference.asking import Exchange, ask
from consumer.inference.engine import AggregateSubject, Engine, GenerationRequest, SamplingValues
from consumer.inference.merge_prompt import (
    DEFAULT_INSTRUCTION,
    OVERLAP_REMARK,
    RELATIVE_REMARK,
    Gap,
    block,
    merge_prompt,
)
from consumer.inference.prompts import render_prompt

# Counting part by part can miss a token of the whole here and there.
_SLACK_TOKENS = 16

# Below this the context is too small to merge anything.
_MIN_ROOM = 64


@dataclass(frozen=True, slots=True)
class Part:
    """A text and the chunks it speaks for.

    Args:
        start_time, end_time: seconds of source time.
        chunks: how many.
        relative: whether the times in the text count from `start_time`.
    """

    start_time: float
    end_time: float
    text: str
    chunks: int
    relative: bool = False


@dataclass(slots=True)
class Tally:
    """What the calls took so far; `cut`: texts that were too long, `unfinished`: answers that ran out of tokens."""

    levels: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cut: int = 0
    unfinished: int = 0
    warnings: list[str] = field(default_factory=list)


class Merger:
    """Merges the parts of one job; used once.

    Args:
        sampling: of every call; without `response_schema`.
        run_id: the calls' request ids begin with it.
        draw: uniform in [0, 1), for the seed of a second try.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        job_id: str,
        run_id: str,
        system_prompt: str | None,
        sampling: SamplingValues,
        draw: Callable[[], float],
    ) -> None:
        self._engine, self._draw = engine, draw
        self._job_id, self._run_id = job_id, run_id
        self._system_prompt = system_prompt
        self._sampling = sampling
        self.tally = Tally()

    async def merge(self, parts: Sequence[Part], instruction: str, gaps: Sequence[Gap]) -> str:
        """One text for all parts; `instruction` is for the last call, the lower levels get the default one.

        Raises:
            PermanentError, TransientError: see `aggregate`.
        """
        while True:
            costs = await self._costs(parts)
            room = self._room(instruction, gaps, _remarks(parts, instruction))
            if sum(costs) <= room:
                break
            if len(parts) == 1:
                parts = [self._cut(parts[0], room)]
                break
            parts = await self._merge_level(parts, costs, gaps)
        self.tally.levels += 1
        return await self._call(parts, instruction, gaps, 0)

    async def _merge_level(self, parts: Sequence[Part], costs: Sequence[int], gaps: Sequence[Gap]) -> list[Part]:
        room = self._room(DEFAULT_INSTRUCTION, gaps, _remarks(parts, DEFAULT_INSTRUCTION))
        largest = largest_text(room, len(parts))
        short = [part if cost <= largest else self._cut(part, largest) for part, cost in zip(parts, costs, strict=True)]
        groups = plan_groups([min(cost, largest) for cost in costs], room)
        self.tally.levels += 1
        merged = [self._merge_group([short[i] for i in group], gaps, number) for number, group in enumerate(groups)]
        return await _all(merged)

    async def _merge_group(self, parts: list[Part], gaps: Sequence[Gap], number: int) -> Part:
        if len(parts) == 1:
            return parts[0]
        start, end = parts[0].start_time, max(part.end_time for part in parts)
        inside = [gap for gap in gaps if gap[0] < end and gap[1] > start]
        text = await self._call(parts, DEFAULT_INSTRUCTION, inside, number)
        return Part(start, end, text, sum(part.chunks for part in parts))

    async def _call(self, parts: Sequence[Part], instruction: str, gaps: Sequence[Gap], number: int) -> str:
        blocks = [_block(n, part) for n, part in enumerate(parts, 1)]
        request = GenerationRequest(
            request_id=f"{self._run_id}/aggregate/{self.tally.levels}/{number}",
            prompt=merge_prompt(blocks, instruction, gaps, _remarks(parts, instruction)),
            system_prompt=self._system_prompt,
            clip=None,
            sampling=self._sampling,
            subject=AggregateSubject(self._job_id, sum(part.chunks for part in parts), tuple(gaps)),
        )
        exchange = Exchange(self._sampling)
        try:
            return await ask(self._engine, request, exchange, self._draw)
        finally:
            self._count(exchange)

    def _count(self, exchange: Exchange) -> None:
        tally = self.tally
        tally.calls += len(exchange.answers)
        tally.prompt_tokens += sum(one.prompt_tokens for one in exchange.answers)
        tally.completion_tokens += sum(one.completion_tokens for one in exchange.answers)
        tally.unfinished += bool(exchange.answers) and exchange.answers[-1].finish_reason == "length"
        tally.warnings += exchange.warnings

    async def _costs(self, parts: Sequence[Part]) -> list[int]:
        costs = []
        for number, part in enumerate(parts, 1):
            costs.append(self._cost(number, part))
            await asyncio.sleep(0)  # counting many long texts must not hold up the other jobs
        return costs

    def _cost(self, number: int, part: Part) -> int:
        return self._engine.count_tokens(_block(number, part)) + 1

    def _room(self, instruction: str, gaps: Sequence[Gap], remarks: Sequence[str]) -> int:
        """Tokens left for the parts' blocks in one call."""
        empty = render_prompt(merge_prompt((), instruction, gaps, remarks), self._system_prompt, with_video=False)
        fixed = self._engine.count_tokens(empty) + self._sampling.max_tokens + _SLACK_TOKENS
        room = self._engine.limits.max_model_len - fixed
        if room < _MIN_ROOM:
            raise PermanentError(
                ErrorCode.BUDGET_TOO_SMALL,
                f"An answer of {self._sampling.max_tokens} tokens and the aggregation's prompts leave no room for the "
                f"chunks' texts within MAX_MODEL_LEN ({self._engine.limits.max_model_len}): shorten aggregation_prompt "
                "or system_prompt, lower AGGREGATION_MAX_TOKENS or max_tokens, or raise MAX_MODEL_LEN.",
            )
        return room

    def _cut(self, part: Part, limit: int) -> Part:
        self.tally.cut += 1
        # The number in a block's heading costs a digit or two: room for the largest.
        text = cut_text(part.text, lambda text: self._cost(99_999, replace(part, text=text)) <= limit)
        return replace(part, text=text)


def _block(number: int, part: Part) -> str:
    return block(number, part.start_time, part.end_time, part.text, relative=part.relative)


def _remarks(parts: Sequence[Part], instruction: str) -> tuple[str, ...]:
    overlap = any(one.end_time > other.start_time for one, other in pairwise(parts))
    told = overlap and DEFAULT_INSTRUCTION not in instruction
    relative = any(part.relative and part.start_time > 0 for part in parts)
    return (*((OVERLAP_REMARK,) if told else ()), *((RELATIVE_REMARK,) if relative else ()))


async def _all(calls: Sequence[Coroutine[None, None, Part]]) -> list[Part]:
    """All results in order; the first failure cancels the rest before it is raised."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
