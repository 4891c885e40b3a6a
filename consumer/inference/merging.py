"""Levels of merging calls: the machinery behind `aggregate`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace

from consumer.errors import ErrorCode, PermanentError
from consumer.inference.aggregation_plan import cut_text, largest_text, plan_groups
from consumer.inference.checks import check_text
from consumer.inference.engine import AggregateSubject, Engine, GenerationRequest, SamplingValues
from consumer.inference.merge_prompt import DEFAULT_INSTRUCTION, Gap, block, merge_prompt
from consumer.inference.prompts import render_prompt

# Counting part by part can miss a token of the whole here and there.
_SLACK_TOKENS = 16

# Below this the context is too small to merge anything.
_MIN_ROOM = 64


@dataclass(frozen=True, slots=True)
class Part:
    """A text and the chunks it speaks for: `chunks` of them, from `start_time` to `end_time` (s)."""

    start_time: float
    end_time: float
    text: str
    chunks: int


@dataclass(slots=True)
class Tally:
    """What the calls took so far; `truncated`: a text was cut or an answer ran out of tokens."""

    levels: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    truncated: bool = False


class Merger:
    """Merges the parts of one job; used once.

    Args:
        sampling: of every call; without `response_schema`.
        run_id: the calls' request ids begin with it.
    """

    def __init__(
        self, engine: Engine, *, job_id: str, run_id: str, system_prompt: str | None, sampling: SamplingValues
    ) -> None:
        self._engine = engine
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
            room = self._room(instruction, gaps)
            if sum(costs) <= room:
                break
            if len(parts) == 1:
                parts = [self._cut(parts[0], room)]
                break
            parts = await self._merge_level(parts, costs, gaps)
        self.tally.levels += 1
        return await self._call(parts, instruction, gaps, 0)

    async def _merge_level(self, parts: Sequence[Part], costs: Sequence[int], gaps: Sequence[Gap]) -> list[Part]:
        room = self._room(DEFAULT_INSTRUCTION, gaps)
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
        request = GenerationRequest(
            request_id=f"{self._run_id}/aggregate/{self.tally.levels}/{number}",
            prompt=merge_prompt([_block(n, part) for n, part in enumerate(parts, 1)], instruction, gaps),
            system_prompt=self._system_prompt,
            clip=None,
            sampling=self._sampling,
            subject=AggregateSubject(self._job_id, sum(part.chunks for part in parts), tuple(gaps)),
        )
        answer = await self._engine.generate(request)
        self.tally.calls += 1
        self.tally.prompt_tokens += answer.prompt_tokens
        self.tally.completion_tokens += answer.completion_tokens
        self.tally.truncated |= answer.finish_reason == "length"
        check_text(answer.text)
        return answer.text

    async def _costs(self, parts: Sequence[Part]) -> list[int]:
        costs = []
        for number, part in enumerate(parts, 1):
            costs.append(self._cost(number, part))
            await asyncio.sleep(0)  # counting many long texts must not hold up the other jobs
        return costs

    def _cost(self, number: int, part: Part) -> int:
        return self._engine.count_tokens(_block(number, part)) + 1

    def _room(self, instruction: str, gaps: Sequence[Gap]) -> int:
        """Tokens left for the parts' blocks in one call."""
        empty = render_prompt(merge_prompt((), instruction, gaps), self._system_prompt, with_video=False)
        fixed = self._engine.count_tokens(empty) + self._sampling.max_tokens + _SLACK_TOKENS
        room = self._engine.limits.max_model_len - fixed
        if room < _MIN_ROOM:
            raise PermanentError(
                ErrorCode.BUDGET_TOO_SMALL,
                f"max_tokens ({self._sampling.max_tokens}) and the aggregation's prompts leave no room for the chunks' "
                f"texts within MAX_MODEL_LEN ({self._engine.limits.max_model_len}): shorten aggregation_prompt or "
                "system_prompt, lower max_tokens or raise MAX_MODEL_LEN.",
            )
        return room

    def _cut(self, part: Part, limit: int) -> Part:
        self.tally.truncated = True
        # The number in a block's heading costs a digit or two: room for the largest.
        text = cut_text(part.text, lambda text: self._cost(99_999, replace(part, text=text)) <= limit)
        return replace(part, text=text)


def _block(number: int, part: Part) -> str:
    return block(number, part.start_time, part.end_time, part.text)


async def _all(calls: Sequence[Coroutine[None, None, Part]]) -> list[Part]:
    """All results in order; the first failure cancels the rest before it is raised."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
