"""Many requests in flight, some of them given up at random: does each answer belong to its question?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from consumer.inference.engine import Engine, Generation, GenerationRequest

GIVEN_UP = 0.15
"""The share of requests that are cancelled, and again of those that run out of time."""


@dataclass(slots=True)
class Storm:
    """What became of the requests; `wrong` are numbers of those that got another's answer."""

    answered: int = 0
    cancelled: int = 0
    timed_out: int = 0
    wrong: list[int] = field(default_factory=list)


async def storm(
    engine: Engine,
    ask: Callable[[int], GenerationRequest],
    is_answer: Callable[[int, Generation], bool],
    *,
    count: int,
    in_flight: int,
    patience: float,
) -> Storm:
    """Ask `count` questions, `in_flight` at a time; those that are given up are within `patience` seconds."""
    seen, numbers, random = Storm(), iter(range(count)), Random(1)

    async def one(number: int) -> None:
        fate, seconds = random.random(), random.random() * patience
        task = asyncio.ensure_future(engine.generate(ask(number)))
        if fate < GIVEN_UP:
            asyncio.get_running_loop().call_later(seconds, task.cancel)
        limit = seconds if GIVEN_UP <= fate < 2 * GIVEN_UP else None
        try:
            async with asyncio.timeout(limit):
                answer = await task
        except TimeoutError:
            seen.timed_out += 1
        except asyncio.CancelledError:
            seen.cancelled += 1
        else:
            seen.answered += 1
            if not is_answer(number, answer):
                seen.wrong.append(number)

    async def several() -> None:
        for number in numbers:
            await one(number)

    await asyncio.gather(*(several() for _ in range(in_flight)))
    return seen
