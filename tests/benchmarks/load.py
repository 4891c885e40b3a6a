"""What the figures have in common: fresh topics, a video of many short chunks, workers, the moments in their logs."""

from __future__ import annotations

import contextlib
import sys
import uuid
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from consumer.events.topics import Topics
from tests.integration.system import System
from tests.integration.topic_maker import make_topics
from tests.integration.worker_process import WorkerProcess
from tests.media_files import make_video
from tests.services.cache import made_once

ROOT = Path(__file__).parents[2]
LONGEST_VIDEO = 1000
CHUNK_PLAN = {"chunk_duration": 1, "chunk_overlap": 0, "fps": 4}
"""One second and four frames a chunk."""


def fresh_system(bootstrap: str, directory: Path, partitions: int, *, replicas: int = 1) -> System:
    """New topics and a new group."""
    topics = Topics(f"b{uuid.uuid4().hex[:10]}")
    make_topics(bootstrap, topics, partitions, replicas=replicas)
    return System(bootstrap, topics, partitions, {}, "none", directory)


@cache
def small_video() -> Path:
    """64x64, H.264, 4 frames a second, as long as any job here needs it; `end_time` makes a job shorter."""

    def make(directory: Path) -> None:
        make_video(directory / "small.mp4", seconds=LONGEST_VIDEO, width=64, height=64, fps=4)

    return made_once("small-video-1", make) / "small.mp4"


def submit(system: System, job_id: str, partition: int, chunks: int) -> None:
    """A job of that many chunks."""
    fields = {"video_path": str(small_video()), "end_time": chunks, **CHUNK_PLAN}
    system.submit(job_id, partition=partition, **fields)


@contextlib.contextmanager
def worker(system: System, name: str, *words: str, **settings: str) -> Iterator[WorkerProcess]:
    """A worker with these words of `altered`, killed at the end; ready when it is handed out."""
    environment = system.environment(
        **{"ALLOWED_PATHS": str(small_video().parent), "PYTHONPATH": str(ROOT), "LOG_LEVEL": "INFO", **settings}
    )
    command = [sys.executable, "-m", "tests.benchmarks.altered", *words]
    process = WorkerProcess(environment, system.directory / f"{name}.log", command)
    try:
        yield process.wait_ready()
    finally:
        process.kill()


def moments(process: WorkerProcess, event: str) -> list[tuple[float, dict[str, Any]]]:
    """The lines of that event in its log, with their times (s since the epoch)."""
    found = [one for one in process.records() if one.get("event") == event]
    return [(datetime.fromisoformat(one["timestamp"]).timestamp(), one) for one in found]
