"""The bridge between the I/O thread and the event loop: starts jobs there, hands their outcomes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from consumer.errors import CODES, ErrorCode, PermanentError
from consumer.events.models import ChunkResult
from consumer.job import Drained as JobDrained
from consumer.job import JobRunner, Run
from consumer.stream.values import Assignment, ChunkOutcome, Crash, Drained, JobOutcome, Outcome


@dataclass(slots=True)
class _Running:
    assignment: Assignment
    started: float
    run: Run
    task: asyncio.Task[None] | None = None


class JobPool:
    """The workers behind the stream: one task a job, all in one event loop.

    The calls come from the I/O thread and only post to the loop. Outcomes are bounded: a chunk counts as in flight
    until the I/O thread has committed it, so a broker that is away stops the work instead of piling results up.

    Args:
        loop: where the jobs run.
        outcomes: to the I/O thread.
    """

    def __init__(
        self,
        runner: JobRunner,
        loop: asyncio.AbstractEventLoop,
        outcomes: SimpleQueue[Outcome],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runner, self._loop, self._outcomes, self._clock = runner, loop, outcomes, clock
        self._running: dict[tuple[int, int], _Running] = {}

    def start(self, assignment: Assignment) -> None:
        """Run the job; its outcomes carry the assignment's partition and epoch."""
        self._loop.call_soon_threadsafe(self._begin, assignment)

    def cancel(self, partition: int, epoch: int) -> None:
        """Stop the job of that assignment, if it still runs."""
        self._loop.call_soon_threadsafe(self._end, (partition, epoch))

    def stop_job(self, partition: int, epoch: int) -> None:
        """Let the job of that assignment conclude as cancelled, if it still runs."""
        self._loop.call_soon_threadsafe(self._stop, (partition, epoch))

    def drain(self) -> None:
        """Let running chunks finish and start no others."""
        self._loop.call_soon_threadsafe(self._runner.drain)

    def crash(self, error: Exception) -> None:
        """Nothing can go on any more: the I/O thread leaves with this error. May be called from any thread."""
        self._outcomes.put(Crash(error))

    def jobs(self) -> list[dict[str, Any]]:
        """What is in work, for `/jobs`; may be called from any thread."""
        now = self._clock()
        return [
            {
                "job_id": one.assignment.job.job_id,
                "run_id": one.assignment.run_id,
                "partition": one.assignment.partition,
                "attempt": one.assignment.attempt,
                "trace_id": one.run.parent.trace_id if one.run.parent is not None else None,
                **one.run.progress.told(),
                "seconds": round(now - one.started, 3),
            }
            for one in list(self._running.values())
        ]

    def _begin(self, assignment: Assignment) -> None:
        key = assignment.partition, assignment.epoch
        run = Run(assignment.run_id, assignment.attempt, assignment.recovered, parent=assignment.parent)
        run.progress.published(assignment.recovered.values())
        running = _Running(assignment, self._clock(), run)
        self._running[key] = running
        running.task = self._loop.create_task(self._run(running))
        running.task.add_done_callback(lambda _: self._running.pop(key, None))

    def _end(self, key: tuple[int, int]) -> None:
        running = self._running.get(key)
        if running is not None and running.task is not None:
            running.task.cancel()

    def _stop(self, key: tuple[int, int]) -> None:
        running = self._running.get(key)
        if running is not None:
            running.run.stop.set(PermanentError(ErrorCode.CANCELLED, CODES[ErrorCode.CANCELLED].sentence))

    async def _run(self, running: _Running) -> None:
        one = running.assignment

        async def emit(result: ChunkResult) -> None:
            committed: asyncio.Future[None] = self._loop.create_future()

            def acknowledge() -> None:
                self._loop.call_soon_threadsafe(_resolve, committed)

            self._outcomes.put(ChunkOutcome(one.partition, one.epoch, result, acknowledge))
            await committed
            running.run.progress.published([result])

        try:
            result = await self._runner.run(one.job, running.run, emit)
        except JobDrained:
            self._outcomes.put(Drained(one.partition, one.epoch))
        except Exception as error:  # noqa: BLE001 - handed to the I/O thread, which ends the process
            self._outcomes.put(Crash(error))
        else:
            self._outcomes.put(JobOutcome(one.partition, one.epoch, result, running.run.progress.span))


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
