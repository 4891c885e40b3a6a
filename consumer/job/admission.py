"""How the chunks of all jobs begin: one after the other, as the process admits them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from consumer.errors import PermanentError
from consumer.job.context import JobContext
from consumer.job.run import first_error
from consumer.job.schedule import Budget, Item
from consumer.job.turns import Turns
from consumer.media.chunks import Chunk


class Admission:
    """Admits so many chunks at once, jobs in fair turns.

    Args:
        chunks: of all jobs together.
    """

    def __init__(self, chunks: int) -> None:
        self._turns = Turns(Budget(chunks))
        self.draining = False
        """Once set, no chunk begins any more."""

    def expect(self, job_id: str, tokens: int) -> None:
        """The job's chunks will be so many tokens in all."""
        self._turns.expect(job_id, tokens)

    def leave(self, job_id: str) -> None:
        """The job is over: forget what it was given."""
        self._turns.leave(job_id)

    async def side_by_side(
        self, chunks: Sequence[Chunk], work: Callable[[Chunk], Coroutine[Any, Any, None]], context: JobContext
    ) -> None:
        """Begin `work` on one chunk after the other as they are admitted; the first error ends all and is raised."""
        failure: BaseException | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for chunk in chunks:
                    turn = await self._admitted(context)
                    if turn is None:
                        break
                    task = group.create_task(work(chunk))
                    # Not in the task: one that is cancelled before its first step runs no `finally`.
                    task.add_done_callback(lambda _, turn=turn: self._turns.give_back(turn))  # type: ignore[misc]
        except BaseExceptionGroup as errors:
            failure = first_error(errors)
        if failure is not None:
            raise failure

    async def _admitted(self, context: JobContext) -> Item | None:
        """Wait for the turn of the job's next chunk; None: none is to begin any more."""
        stop = context.run.stop
        waiting = self._turns.take(context.job.job_id, context.vision_tokens)
        try:
            turn = await stop.unless(waiting, undo=self._turns.give_back)
        except PermanentError:
            return None
        if self.draining or stop.reason is not None:
            self._turns.give_back(turn)
            return None
        return turn
