"""A job of 30 s beside one of six hours, against the same job alone: median and 99 %, at most twice as long.

Conditions: one process without Kafka, from opening the file to the final result; a 64x64 H.264 file at 4 frames a
second, decoded for every chunk; chunks of 60 s, 2 frames a second, about 1,000 tokens each; the synthetic engine with
the steps of `StepModel`, slowed down so that such a chunk takes it as long as one of 11,400 tokens takes an H200: 1,900
tokens a second, steps of 2,150 tokens and of 10 ms at least, answers of about 250 tokens, 32 requests at most.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from consumer.events.models import VideoJob
from consumer.inference.engine import EngineLimits
from consumer.inference.synthetic import SyntheticEngine
from consumer.job import JobRunner, schedule
from consumer.job.tools import Tools
from consumer.media.library import MediaLibrary
from consumer.settings import Settings
from consumer.telemetry.metrics import Metrics
from tests.benchmarks.clips import repeat
from tests.benchmarks.short_jobs import ShortJobs, comparison
from tests.media_files import make_video

HOUR = 3600.0
SHORT_JOBS = 16
GAP_SECONDS = 8.0
TOKENS_PER_SECOND, STEP_TOKENS = 1900.0, 2150
RESULTS = Path(__file__).parent / "results" / "fairness.json"
SETTINGS = {"decoder_device": "cpu", "decoders": 4, "max_concurrent_chunks": 32, "max_frames_per_chunk": 120}
pytestmark = pytest.mark.timeout(1500)


@asynccontextmanager
async def short_jobs(path: Path) -> AsyncIterator[ShortJobs]:
    """Of a process with the slow engine, about that file."""
    settings = Settings.model_validate({**SETTINGS, "allowed_paths": [str(path.parent)]})
    limits = EngineLimits(8192, STEP_TOKENS, kv_cache_tokens=60_000)
    engine = SyntheticEngine(seconds_per_chunk=0.0, tokens_per_second=TOKENS_PER_SECOND, limits=limits)
    library = MediaLibrary.from_settings(settings)
    runner = JobRunner(
        media=library, engine=engine, settings=settings, metrics=Metrics(), worker="figures", tools=Tools()
    )

    def make(job_id: str, start: float, end: float) -> VideoJob:
        wanted = {"job_id": job_id, "video_path": str(path), "prompt": "What happens?", "chunk_overlap": 0}
        return VideoJob.model_validate({**wanted, "start_time": start, "end_time": end})

    try:
        yield ShortJobs(runner, make, SHORT_JOBS, GAP_SECONDS)
    finally:
        await engine.stop()
        runner.close()
        library.close()


async def test_thirty_seconds_beside_six_hours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A twelfth of the tokens, so a twelfth of what makes a job short.
    monkeypatch.setattr(schedule, "SHORT_TOKENS", schedule.SHORT_TOKENS // 12)
    minute = make_video(tmp_path / "minute.mp4", seconds=60, width=64, height=64, fps=4)
    path = tmp_path / "long.mp4"
    repeat(minute, path, 6 * HOUR)
    async with short_jobs(path) as jobs:
        alone = await jobs.alone()
    async with short_jobs(path) as jobs:
        beside, rate = await jobs.beside(6 * HOUR)
    conditions = " ".join((__doc__ or "").partition("Conditions: ")[2].split())
    figures = {"conditions": conditions, **comparison(alone, beside, rate)}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(f"\n{figures}")
    assert len(beside.seconds) >= SHORT_JOBS / 2
    assert max(figures["times_as_long"].values()) <= 2.0
