"""A serverless worker with the image's own command: requests and answers by RunPod's SDK, over real HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from consumer.errors import ErrorCode, TransientError
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from consumer.runpod.handler import Handler
from tests.media.videos import make_video
from tests.runpod_platform import RunpodPlatform


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("videos") / "a.mp4", frames=100, fps=10)


@pytest.fixture(scope="module")
def platform() -> Iterator[RunpodPlatform]:
    with RunpodPlatform() as running:
        yield running


@pytest.fixture(scope="module")
def worker(platform: RunpodPlatform, video: Path) -> Iterator[subprocess.Popen[str]]:
    settings = {
        "ENGINE": "synthetic",
        "SYNTHETIC_SECONDS_PER_CHUNK": "0.3",
        "MAX_CONCURRENT_CHUNKS": "2",
        "ALLOWED_PATHS": str(video.parent),
        "HTTP_PORT": "0",
    }
    log = video.with_suffix(".log")
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "consumer.cli.main", "run"],
            env={**os.environ, **platform.environment, **settings},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=video.parent,
        )
    yield process
    process.kill()
    process.communicate()


def _fields(video: Path) -> dict[str, Any]:
    return {"video_path": str(video), "chunk_duration": 1, "chunk_overlap": 0}


@pytest.mark.usefixtures("worker")
def test_updates_come_before_the_answer(platform: RunpodPlatform, video: Path) -> None:
    platform.submit("request-1", _fields(video))
    assert platform.wait("request-1", update=True)[0] == {"completed_chunks": 1, "num_chunks": 10}
    answer = platform.wait("request-1")
    assert "error" not in answer
    assert (answer["output"]["job_id"], answer["output"]["num_chunks"]) == ("request-1", 10)
    assert len(answer["output"]["chunk_results"]) == 10


@pytest.mark.usefixtures("worker")
def test_a_bad_request_is_an_error(platform: RunpodPlatform) -> None:
    platform.submit("request-2", {"video_url": "s3://a/b", "max_tokns": 5})
    assert platform.wait("request-2") == {"error": "input.max_tokns is no field of a job."}


@pytest.mark.usefixtures("worker")
def test_a_cancelled_request_is_left_and_the_worker_goes_on(platform: RunpodPlatform, video: Path) -> None:
    platform.submit("request-3", _fields(video))
    platform.wait("request-3", update=True)
    platform.cancel("request-3")
    platform.submit("request-4", _fields(video))
    assert platform.wait("request-4")["output"]["num_chunks"] == 10
    assert "request-3" not in platform.answers
    log = video.with_suffix(".log").read_text(encoding="utf-8")
    assert "request_cancelled" in log


def test_sigterm_ends_the_worker(worker: subprocess.Popen[str], video: Path) -> None:
    worker.send_signal(signal.SIGTERM)
    output, _ = worker.communicate(timeout=60)
    log = video.with_suffix(".log").read_text(encoding="utf-8")
    assert (worker.returncode, output) == (0, ""), log
    assert "Traceback" not in log


async def test_a_dead_engine_stops_the_pod() -> None:
    from runpod.serverless.modules.rp_job import run_job

    class Dead:
        async def describe(
            self, job: VideoJob, told: Callable[[ChunkResult], None]
        ) -> tuple[VideoResult, list[ChunkResult]]:
            raise TransientError(ErrorCode.ENGINE_DIED, "The engine's process ended.")

    died: list[bool] = []
    answer = await run_job(
        Handler(Dead(), lambda: died.append(True)), {"id": "request-5", "input": {"video_url": "s3://a/b"}}
    )
    assert answer == {"error": "ENGINE_DIED: The engine's process ended.", "stopPod": True}
    assert died == [True]
