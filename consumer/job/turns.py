"""Waiting for one's turn in the event loop, as the schedule gives it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from consumer.job.schedule import Budget, Item, Schedule


class Turns:
    """Something that all jobs of a process want and that is shared among them by a `Schedule`; for one event loop."""

    def __init__(self, budget: Budget) -> None:
        self._schedule = Schedule(budget)
        self._turns: dict[Item, asyncio.Future[None]] = {}

    @property
    def flying(self) -> tuple[Item, ...]:
        """What has its turn."""
        return self._schedule.flying

    @asynccontextmanager
    async def turn(self, job: str, cost: int, size: int = 0) -> AsyncIterator[None]:
        """Wait for a turn, and have it for as long as the body lasts; costs and sizes as `Item` says."""
        item = await self.take(job, cost, size)
        try:
            yield
        finally:
            self.give_back(item)

    async def take(self, job: str, cost: int, size: int = 0) -> Item:
        """Wait for a turn; whoever gets one gives it back."""
        item = Item(job, cost, size)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._schedule.enqueue(item)
        self._turns[item] = turn
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            self._turns.pop(item, None)
            self.give_back(item)
            raise
        return item

    def give_back(self, item: Item) -> None:
        """The turn is over; the next one begins."""
        self._schedule.done(item)
        self._serve()

    def tell(self, begun: int) -> None:
        """So many of the turns are begun (see `Schedule.tell`)."""
        self._schedule.tell(begun)
        self._serve()

    def expect(self, job: str, tokens: int) -> None:
        """The job will want so many tokens in all (see `Schedule.expect`)."""
        self._schedule.expect(job, tokens)

    def leave(self, job: str) -> None:
        """The job is over."""
        self._schedule.leave(job)

    def _serve(self) -> None:
        while (item := self._schedule.next()) is not None:
            turn = self._turns.pop(item)
            # One whose owner was cancelled has it as well, until the owner gives it back.
            if not turn.done():
                turn.set_result(None)
