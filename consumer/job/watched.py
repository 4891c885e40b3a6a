"""Jobs on an engine that may hang: they end with a sentence that says so, instead of never."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from consumer.errors import ErrorCode, TransientError
from consumer.events.models import VideoJob, VideoResult
from consumer.job.run import Emit, Run
from consumer.job.runner import JobRunner
from consumer.telemetry.watchdog import TICK_SECONDS, Watchdog


class WatchedRunner:
    """Runs jobs, any number at once, and gives all of them up when the engine answers no more.

    Args:
        limit: seconds without progress, though the engine was asked, that are too many (ENGINE_STALL_SECONDS).
        lost: called once when the engine is lost, in the watchdog's thread.
        leave: ends the process at once when it has not ended a minute later.
        tick: seconds between two looks.
    """

    def __init__(
        self,
        runner: JobRunner,
        limit: float,
        lost: Callable[[], None] = lambda: None,
        leave: Callable[[int], object] = os._exit,
        tick: float = TICK_SECONDS,
    ) -> None:
        self._runner, self._lost = runner, lost
        self._reason: str | None = None
        self._works: dict[asyncio.Future[VideoResult], asyncio.AbstractEventLoop] = {}
        self._watchdog = Watchdog(
            alive=lambda: runner.engine_alive,
            still=runner.engine_still_seconds,
            limit=limit,
            end=self._end,
            leave=leave,
            tick=tick,
        )

    def start(self) -> None:
        """Look from now on; the process ends a minute after the engine is lost, whatever hangs then."""
        self._watchdog.start()

    def stop(self) -> None:
        """Look no more: the engine is about to be stopped."""
        self._watchdog.stop()

    async def run(self, job: VideoJob, run: Run, emit: Emit) -> VideoResult:
        """As `JobRunner.run`.

        Raises:
            TransientError: ENGINE_DIED; nothing can be described in this process any more.
        """
        work = asyncio.ensure_future(self._runner.run(job, run, emit))
        self._works[work] = asyncio.get_running_loop()
        if self._reason is not None:
            work.cancel()
        try:
            return await work
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if self._reason is None or (caller is not None and caller.cancelling()):
                raise
            raise TransientError(ErrorCode.ENGINE_DIED, self._reason) from None
        finally:
            del self._works[work]

    def _end(self, reason: str) -> None:
        self._reason = reason
        for work, loop in list(self._works.items()):
            loop.call_soon_threadsafe(work.cancel)
        self._lost()
