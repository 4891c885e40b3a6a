"""Jobs on an engine that hangs."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import pytest

from consumer.errors import ErrorCode, TransientError
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from consumer.job import JobRunner, Run, WatchedRunner

JOB = VideoJob(job_id="job", video_path="/v.mp4", prompt="What?")
RUN = Run("run", 1, {})


class Hanging:
    """As much of a `JobRunner` as is looked at: its engine answers nothing."""

    def __init__(self) -> None:
        self.engine_alive, self.still = True, 0.0
        self.begun = asyncio.Event()
        self.cancelled = 0

    def engine_still_seconds(self) -> float:
        return self.still

    async def run(self, *_: Any) -> VideoResult:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        raise AssertionError


async def emit(_: ChunkResult) -> None:
    """Nobody listens."""


def watched(hanging: Hanging, lost: threading.Event) -> WatchedRunner:
    # The process of the tests goes on.
    return WatchedRunner(cast(JobRunner, hanging), limit=3.0, lost=lost.set, leave=lambda _: None, tick=0.001)


@pytest.mark.parametrize("how", ["it stands still", "its process is gone"])
async def test_all_jobs_end_with_a_sentence(how: str) -> None:
    hanging, lost = Hanging(), threading.Event()
    runner = watched(hanging, lost)
    runner.start()
    jobs = [asyncio.ensure_future(runner.run(JOB, RUN, emit)) for _ in range(3)]
    await hanging.begun.wait()
    if how == "it stands still":
        hanging.still = 3.5
    else:
        hanging.engine_alive = False
    for job in jobs:
        with pytest.raises(TransientError) as found:
            await job
        assert found.value.code is ErrorCode.ENGINE_DIED
        assert ("ENGINE_STALL_SECONDS (3 s)" in found.value.message) is (how == "it stands still")
    runner.stop()
    assert lost.wait(5)
    assert hanging.cancelled == 3
    with pytest.raises(TransientError, match=r"engine"):
        await runner.run(JOB, RUN, emit)


async def test_who_cancels_a_job_gets_no_other_reason() -> None:
    hanging, lost = Hanging(), threading.Event()
    runner = watched(hanging, lost)
    runner.start()
    job = asyncio.ensure_future(runner.run(JOB, RUN, emit))
    await hanging.begun.wait()
    hanging.still = 3.0
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    runner.stop()
    assert hanging.cancelled == 1
    assert not lost.is_set()
