"""Ending a run early on request, with a final result; unlike cancelling its coroutine, which leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from consumer.errors import PermanentError

_T = TypeVar("_T")


class StopRequest:
    """Asks one run to end; made, set and waited for in one event loop."""

    def __init__(self) -> None:
        self._set = asyncio.Event()
        self._reason: PermanentError | None = None

    @property
    def reason(self) -> PermanentError | None:
        """Why the run is to end, or None while it is not."""
        return self._reason

    def set(self, reason: PermanentError) -> None:
        """From now on `unless` raises `reason`; the first reason counts."""
        self._reason = self._reason or reason
        self._set.set()

    async def unless(self, work: Coroutine[Any, Any, _T], undo: Callable[[_T], object] | None = None) -> _T:
        """The result of `work`; if the request comes first, the work is cancelled and its clean-up awaited.

        Args:
            undo: takes the result back that came after all, when the request or a cancellation was first.

        Raises:
            PermanentError: the reason that was set; else whatever `work` raises.
        """
        task = asyncio.ensure_future(work)
        asked = asyncio.ensure_future(self._set.wait())
        try:
            if self._reason is None:
                await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                undo = None
                return task.result()
        finally:
            asked.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            if undo is not None and not task.cancelled() and task.exception() is None:
                undo(task.result())
        raise self._reason or AssertionError("waiting ended without a reason")
