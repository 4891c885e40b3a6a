"""Turns in the event loop: each is had by one, and none is lost when somebody stops waiting."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.job.schedule import Budget
from consumer.job.turns import Turns

LIMIT = 100


@given(
    sizes=st.lists(st.integers(1, 150), min_size=1, max_size=30),
    cancelled=st.sets(st.integers(0, 29)),
    pauses=st.lists(st.integers(0, 3), min_size=30, max_size=30),
)
def test_never_more_than_the_limit_unless_alone(sizes: list[int], cancelled: set[int], pauses: list[int]) -> None:
    async def play() -> None:
        turns, held, served = Turns(Budget(size=LIMIT)), list[int](), list[int]()

        async def use(number: int) -> None:
            async with turns.turn("job", 1, sizes[number]):
                served.append(number)
                held.append(sizes[number])
                assert sum(held) <= LIMIT or len(held) == 1
                for _ in range(pauses[number]):
                    await asyncio.sleep(0)
                held.remove(sizes[number])

        tasks = [asyncio.create_task(use(number)) for number in range(len(sizes))]
        await asyncio.sleep(0)
        for number in cancelled:
            if number < len(tasks):
                tasks[number].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert turns.flying == ()
        assert served == sorted(served), "within a job, first come, first served"
        assert {*range(len(sizes))} - cancelled <= {*served}

    asyncio.run(play())


async def test_a_turn_that_comes_in_the_moment_of_cancelling_is_passed_on() -> None:
    turns = Turns(Budget(1))
    first = await turns.take("a", 1)
    second = asyncio.create_task(turns.take("a", 1))
    third = asyncio.create_task(turns.take("a", 1))
    await asyncio.sleep(0)
    turns.give_back(first)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    async with asyncio.timeout(10):
        turns.give_back(await third)
    assert turns.flying == ()


async def test_what_is_told_of_the_engine_lets_the_next_in() -> None:
    turns = Turns(Budget(8, ahead=10))
    turns.tell(0)
    await turns.take("a", 20)
    waiting = asyncio.create_task(turns.take("a", 20))
    await asyncio.sleep(0)
    assert not waiting.done()
    turns.tell(1)
    async with asyncio.timeout(10):
        await waiting
