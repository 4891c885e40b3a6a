"""How many bytes of decoded frames may be in memory at once, over all jobs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FrameMemory:
    """First come, first served, so that a large chunk is not passed over for ever by small ones.

    Args:
        limit: bytes. What is larger than that by itself may have it all to itself.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.used = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def of(self, size: int) -> AsyncIterator[None]:
        """Wait until `size` bytes are free, and have them for as long as the body lasts."""
        if self._waiting or not self._fits(size):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((size, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.cancelled():
                    self._next()
                else:
                    self._give_back(size)
                raise
        else:
            self.used += size
        try:
            yield
        finally:
            self._give_back(size)

    def _fits(self, size: int) -> bool:
        return not self.used or self.used + size <= self._limit

    def _give_back(self, size: int) -> None:
        self.used -= size
        self._next()

    def _next(self) -> None:
        while self._waiting:
            size, turn = self._waiting[0]
            if turn.cancelled():
                self._waiting.popleft()
                continue
            if not self._fits(size):
                return
            self._waiting.popleft()
            self.used += size
            turn.set_result(None)
