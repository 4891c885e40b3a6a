"""A job of 30 s beside one of six hours, against the same job alone: median and 99 %, at most twice as long.

Conditions: one process without Kafka, from opening the file to the final result; a 64x64 H.264 file at 4 frames a
second, decoded for every chunk; chunks of 60 s, 2 frames a second, about 1,000 tokens each; the synthetic engine with
the steps of `StepModel`, slowed down so that such a chunk takes it as long as one of 11,400 tokens takes an H200: 1,900
tokens a second, steps of 2,150 tokens and of 10 ms at least, answers of about 250 tokens, 32 requests at most.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from consumer.events.models import ChunkResult, Timings, VideoJob
from consumer.inference.engine import EngineLimits
from consumer.inference.synthetic import SyntheticEngine
from consumer.job import JobRunner, Run, schedule
from consumer.job.tools import Tools
from consumer.media.library import MediaLibrary
from consumer.settings import Settings
from consumer.telemetry.metrics import Metrics
from tests.benchmarks.clips import repeat
from tests.media_files import make_video

HOUR = 3600.0
SHORT_JOBS = 16
GAP_SECONDS = 8.0
TOKENS_PER_SECOND, STEP_TOKENS = 1900.0, 2150
RESULTS = Path(__file__).parent / "results" / "fairness.json"
SETTINGS = {"decoder_device": "cpu", "decoders": 4, "max_concurrent_chunks": 32, "max_frames_per_chunk": 120}
pytestmark = pytest.mark.timeout(1500)


class Process:
    """A runner on a real file and the slow engine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        settings = Settings.model_validate({**SETTINGS, "allowed_paths": [str(path.parent)]})
        self.engine = SyntheticEngine(
            seconds_per_chunk=0.0,
            tokens_per_second=TOKENS_PER_SECOND,
            limits=EngineLimits(8192, STEP_TOKENS, kv_cache_tokens=60_000),
        )
        self.library = MediaLibrary.from_settings(settings)
        self.runner = JobRunner(
            media=self.library,
            engine=self.engine,
            settings=settings,
            metrics=Metrics(),
            worker="figures",
            tools=Tools(),
        )
        self.long_done = 0

    async def describe(self, job_id: str, start: float, end: float) -> tuple[float, list[Timings]]:
        """Seconds that the job took, from opening the file to its final result; and those of its chunks' stages."""
        timings = []

        async def emit(result: ChunkResult) -> None:
            self.long_done += job_id == "long"
            timings.append(result.timings)

        job = VideoJob.model_validate(
            {
                "job_id": job_id,
                "video_path": str(self.path),
                "prompt": "What happens?",
                "start_time": start,
                "end_time": end,
                "chunk_overlap": 0,
            }
        )
        began = time.monotonic()
        final = await self.runner.run(job, Run("run", 1, {}), emit)
        assert final.status == "succeeded"
        return time.monotonic() - began, timings

    async def short_jobs(self, beside: asyncio.Task[Any] | None = None) -> Figures:
        """Those of up to SHORT_JOBS, each begun some time after the one before has ended, while `beside` runs."""
        seconds: list[float] = []
        stages: list[Timings] = []
        for number in range(SHORT_JOBS):
            taken, timings = await self.describe(f"short-{number}", 40.0 * number, 40.0 * number + 30.0)
            if beside is not None and beside.done():
                break
            seconds.append(taken)
            stages += timings
            await asyncio.sleep(GAP_SECONDS * (0.5 + number % 7 / 6))
        return Figures(sorted(seconds), stages)


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds of each short job, sorted, and the stages of their chunks."""

    seconds: list[float]
    stages: list[Timings]

    def at(self, share: float) -> float:
        """That quantile."""
        return self.seconds[round(share * (len(self.seconds) - 1))]

    def told(self) -> dict[str, float]:
        """As the results hold them; stages are means."""
        means = {name: fmean(getattr(one, name) for one in self.stages) for name in ("decode", "wait", "generate")}
        return {name: round(value, 3) for name, value in ({"p50": self.at(0.5), "p99": self.at(0.99)} | means).items()}


@asynccontextmanager
async def process(path: Path) -> AsyncIterator[Process]:
    made = Process(path)
    try:
        yield made
    finally:
        await made.engine.stop()
        made.runner.close()
        made.library.close()


async def test_thirty_seconds_beside_six_hours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A twelfth of the tokens, so a twelfth of what makes a job short.
    monkeypatch.setattr(schedule, "SHORT_TOKENS", schedule.SHORT_TOKENS // 12)
    minute = make_video(tmp_path / "minute.mp4", seconds=60, width=64, height=64, fps=4)
    path = tmp_path / "long.mp4"
    repeat(minute, path, 6 * HOUR)
    async with process(path) as one:
        alone = await one.short_jobs()
    async with process(path) as one:
        long = asyncio.create_task(one.describe("long", 0.0, 6 * HOUR))
        while one.long_done < 32:
            await asyncio.sleep(0.1)
        before, began = one.long_done, time.monotonic()
        beside = await one.short_jobs(long)
        rate = (one.long_done - before) / (time.monotonic() - began)
        long.cancel()
        await asyncio.gather(long, return_exceptions=True)
    times = {name: round(beside.at(share) / alone.at(share), 2) for name, share in (("p50", 0.5), ("p99", 0.99))}
    figures = {
        "conditions": " ".join((__doc__ or "").partition("Conditions: ")[2].split()),
        "short_jobs": len(beside.seconds),
        "alone_seconds": alone.told(),
        "beside_seconds": beside.told(),
        "times_as_long": times,
        "long_job_times_real_time": round(60 * rate, 1),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(f"\n{figures}")
    assert len(beside.seconds) >= SHORT_JOBS / 2
    assert max(times.values()) <= 2.0
