"""Jobs of one chunk of 30 s, alone and while a job of hours runs: how long each takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from consumer.events.models import ChunkResult, Timings, VideoJob
from consumer.job import JobRunner, Run

STAGES = ("decode", "wait", "first_token", "generate")

FULL = 32
"""So many chunks of the long job are done before the first short one comes: its work has come into its stride."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds of each short job, sorted, and the stages of their chunks."""

    seconds: list[float]
    stages: list[Timings]

    def at(self, share: float) -> float:
        """That quantile."""
        return self.seconds[round(share * (len(self.seconds) - 1))]

    def told(self) -> dict[str, Any]:
        """As the results hold them; stages are means."""
        figures = {"p50": self.at(0.5), "p99": self.at(0.99)}
        figures |= {name: fmean(getattr(one, name) for one in self.stages) for name in STAGES}
        rounded = {name: round(value, 3) for name, value in figures.items()}
        return rounded | {"each": [round(value, 2) for value in self.seconds]}


class ShortJobs:
    """Up to `count` of them, each begun about `gap` seconds after the one before has ended.

    Args:
        make: a job of that name about that part of a video, [start, end] in seconds.
    """

    def __init__(
        self, runner: JobRunner, make: Callable[[str, float, float], VideoJob], count: int, gap: float
    ) -> None:
        self._runner, self._make, self._count, self._gap = runner, make, count, gap
        self._long_done = 0

    async def alone(self) -> Figures:
        return await self._short(None)

    async def beside(self, seconds: float) -> tuple[Figures, float]:
        """While a job of so many seconds runs; also how fast that one goes meanwhile, times real time."""
        long = asyncio.create_task(self._describe("long", 0.0, seconds))
        while self._long_done < FULL:
            await asyncio.sleep(0.1)
        before, began = self._long_done, time.monotonic()
        figures = await self._short(long)
        rate = (self._long_done - before) / (time.monotonic() - began)
        long.cancel()
        await asyncio.gather(long, return_exceptions=True)
        return figures, 60 * rate

    async def _short(self, beside: asyncio.Task[Any] | None) -> Figures:
        seconds: list[float] = []
        stages: list[Timings] = []
        for number in range(self._count):
            taken, timings = await self._describe(f"short-{number}", 40.0 * number, 40.0 * number + 30.0)
            if beside is not None and beside.done():
                break
            seconds.append(taken)
            stages += timings
            await asyncio.sleep(self._gap * (0.5 + number % 7 / 6))
        return Figures(sorted(seconds), stages)

    async def _describe(self, job_id: str, start: float, end: float) -> tuple[float, list[Timings]]:
        """Seconds that the job took, from opening the file to its final result; and those of its chunks' stages."""
        timings = []

        async def emit(result: ChunkResult) -> None:
            self._long_done += job_id == "long"
            timings.append(result.timings)

        began = time.monotonic()
        final = await self._runner.run(self._make(job_id, start, end), Run("run", 1, {}), emit)
        assert final.status == "succeeded"
        return time.monotonic() - began, timings


def comparison(alone: Figures, beside: Figures, rate: float) -> dict[str, Any]:
    """What is written down of both."""
    times = {name: round(beside.at(share) / alone.at(share), 2) for name, share in (("p50", 0.5), ("p99", 0.99))}
    return {
        "short_jobs": len(beside.seconds),
        "alone_seconds": alone.told(),
        "beside_seconds": beside.told(),
        "times_as_long": times,
        "long_job_times_real_time": round(rate, 1),
    }
