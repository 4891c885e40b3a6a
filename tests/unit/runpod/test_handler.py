from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from consumer.errors import CodedError, ErrorCode, PermanentError, TransientError
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from consumer.job import Run
from consumer.runpod.handler import Handler
from consumer.runpod.response import make_response
from tests.unit.job.fakes import Bench

REQUEST = {"id": "abc", "input": {"video_url": "s3://videos/a.mp4", "prompt": "What?"}}


class _Runtime:
    """The runner on scripted parts, without a loop of its own."""

    def __init__(self, bench: Bench, error: CodedError | None = None) -> None:
        self.bench, self.error = bench, error

    async def describe(
        self, job: VideoJob, told: Callable[[ChunkResult], None]
    ) -> tuple[VideoResult, list[ChunkResult]]:
        if self.error is not None:
            raise self.error

        async def emit(chunk: ChunkResult) -> None:
            await self.bench.emit(chunk)
            told(chunk)

        result = await self.bench.runner.run(job, Run("run-1", 1, {}), emit)
        return result, self.bench.emitted


class _Endless:
    """A job that never ends by itself."""

    def __init__(self) -> None:
        self.begun, self.cancelled = asyncio.Event(), False

    async def describe(
        self, job: VideoJob, told: Callable[[ChunkResult], None]
    ) -> tuple[VideoResult, list[ChunkResult]]:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        raise AssertionError("nobody sets the event")


def _never() -> None:
    raise AssertionError("the engine lives")


async def test_the_originals_response() -> None:
    bench = Bench()
    response = await Handler(_Runtime(bench), _never)(REQUEST)
    assert response["success"] is True
    assert response["video_info"]["width"] == 640
    assert response["num_chunks"] == response["total_successful_chunks"] == len(response["chunk_results"]) == 5
    assert response["aggregated_response"] == "Everything at once."
    assert response["total_processing_time"] >= 0
    assert [one["chunk_index"] for one in response["chunk_results"]] == [0, 1, 2, 3, 4]
    original = {"chunk_index", "start_time", "end_time", "success", "response", "processing_time"}
    assert original <= set(response["chunk_results"][0])
    assert "error" not in response
    assert json.loads(json.dumps(response)) == response


async def test_a_partial_result_is_an_answer_and_says_what_is_missing() -> None:
    bench = Bench()
    bench.media.failures[1] = [PermanentError(ErrorCode.CHUNK_NO_FRAMES, "Dark.")]
    response = await Handler(_Runtime(bench), _never)(REQUEST)
    assert (response["success"], response["status"]) == (False, "partial")
    assert "error" not in response
    assert response["incomplete"]["code"] == "CHUNK_NO_FRAMES"


async def test_a_job_that_failed_is_an_error_to_the_platform() -> None:
    bench = Bench()
    bench.library.failures = [PermanentError(ErrorCode.SOURCE_NOT_FOUND, "There is no a.mp4.")]
    response = await Handler(_Runtime(bench), _never)(REQUEST)
    assert response["error"] == "SOURCE_NOT_FOUND: There is no a.mp4."


async def test_a_wrong_request_does_no_work() -> None:
    bench = Bench()
    response = await Handler(_Runtime(bench), _never)({"id": "abc", "input": {"prompt": "What?"}})
    assert response == {"error": "input: exactly one of video_url and video_path must be given."}
    assert bench.library.opened == []


async def test_a_dead_engine_ends_the_worker() -> None:
    died: list[bool] = []
    error = TransientError(ErrorCode.ENGINE_DIED, "The engine's process ended.")
    response = await Handler(_Runtime(Bench(), error), lambda: died.append(True))(REQUEST)
    assert response == {"error": "ENGINE_DIED: The engine's process ended.", "refresh_worker": True}
    assert died == [True]


async def test_other_errors_are_bugs() -> None:
    with pytest.raises(TransientError):
        await Handler(_Runtime(Bench(), TransientError(ErrorCode.ENGINE_TIMEOUT, "Late.")), _never)(REQUEST)


async def test_chunks_are_in_order_whatever_came_first() -> None:
    bench = Bench()
    result = await bench.run()
    response = make_response(result, list(reversed(bench.in_order())))
    assert [one["chunk_index"] for one in response["chunk_results"]] == [0, 1, 2, 3, 4]


async def test_progress_is_told_but_not_too_often_and_not_with_the_last_chunk() -> None:
    now = 0.0
    told: list[tuple[Any, dict[str, Any]]] = []

    def clock() -> float:
        nonlocal now
        now += 2.0
        return now

    handler = Handler(_Runtime(Bench()), _never, lambda request, update: told.append((request, update)), clock)
    await handler(REQUEST)
    assert told == [(REQUEST, {"completed_chunks": number, "num_chunks": 5}) for number in (1, 4)]


async def test_a_cancelled_request_ends_with_its_code() -> None:
    runtime = _Endless()
    handler = Handler(runtime, _never)
    answer = asyncio.ensure_future(handler(REQUEST))
    await runtime.begun.wait()
    assert [(job["request_id"], job["completed_chunks"]) for job in handler.jobs()] == [("abc", 0)]
    assert not handler.cancel("another")
    assert handler.cancel("abc")
    assert await answer == {"error": "CANCELLED: The request was cancelled."}
    assert runtime.cancelled
    assert (handler.jobs(), handler.cancel("abc"), handler.failed) == ([], False, 1)


async def test_what_the_platform_cancels_gets_no_answer() -> None:
    runtime = _Endless()
    handler = Handler(runtime, _never)
    answer = asyncio.ensure_future(handler(REQUEST))
    await runtime.begun.wait()
    answer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answer
    assert (runtime.cancelled, handler.jobs()) == (True, [])


async def test_requests_are_counted() -> None:
    handler = Handler(_Runtime(Bench()), _never)
    await handler(REQUEST)
    await handler({"id": "abc", "input": {}})
    assert (handler.completed, handler.failed) == (1, 1)
