"""The serverless handler: one request in, one response out; on the way it tells how far it is, and can be cancelled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from consumer.errors import ErrorCode, TransientError
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from consumer.runpod.request import RequestError, read_request
from consumer.runpod.response import make_response

_log = structlog.get_logger(__name__)

PROGRESS_SECONDS = 5.0
"""Between two progress updates of a request: each is a request to the platform, which bounds their number."""

Progress = Callable[[dict[str, Any], dict[str, Any]], None]
"""Tells the platform about a request (the first argument) how far it is."""


class Describer(Protocol):
    """Does a job (`Runtime`), and tells every finished chunk, in any thread."""

    async def describe(
        self, job: VideoJob, told: Callable[[ChunkResult], None]
    ) -> tuple[VideoResult, list[ChunkResult]]: ...


@dataclass(slots=True)
class _Work:
    """A request in work."""

    job: VideoJob
    task: asyncio.Future[tuple[VideoResult, list[ChunkResult]]]
    loop: asyncio.AbstractEventLoop
    chunks: int = 0
    num_chunks: int | None = None


class Handler:
    """What RunPod's SDK calls for every request.

    Args:
        died: called when the engine is gone, after which no request can be answered.
        progress: None: nobody wants to know.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        runtime: Describer,
        died: Callable[[], None],
        progress: Progress | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runtime, self._died, self._progress, self._clock = runtime, died, progress, clock
        self._works: dict[str, _Work] = {}
        self.completed = self.failed = 0

    async def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        """The response; with `error` (one sentence) when the request is wrong or nothing could be described."""
        try:
            job = read_request(request)
        except RequestError as error:
            _log.info("request_refused", reason=str(error))
            self.failed += 1
            return {"error": str(error)}
        _log.info("request_started", job_id=job.job_id)
        response = await self._answer(request, job)
        if "error" in response:
            self.failed += 1
        else:
            self.completed += 1
        return response

    def cancel(self, request_id: str) -> bool:
        """Stop a request; False: it is not in work. Its own answer then says CANCELLED."""
        work = self._works.get(request_id)
        if work is not None:
            work.loop.call_soon_threadsafe(work.task.cancel)
        return work is not None

    def jobs(self) -> list[dict[str, Any]]:
        """What is in work, for `/jobs`; may be called in any thread."""
        return [
            {
                "request_id": request_id,
                "job_id": work.job.job_id,
                "completed_chunks": work.chunks,
                "num_chunks": work.num_chunks,
            }
            for request_id, work in list(self._works.items())
        ]

    async def _answer(self, request: dict[str, Any], job: VideoJob) -> dict[str, Any]:
        key = str(request.get("id") or job.job_id)
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(self._runtime.describe(job, self._teller(request, key)))
        self._works[key] = _Work(job, task, loop)
        try:
            result, chunks = await task
        except asyncio.CancelledError:
            _log.info("request_cancelled", job_id=job.job_id)
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                # The platform cancelled it and wants no answer.
                raise
            return {"error": f"{ErrorCode.CANCELLED.value}: The request was cancelled."}
        except TransientError as error:
            if error.code is not ErrorCode.ENGINE_DIED:
                raise
            _log.exception("engine_died", job_id=job.job_id)
            self._died()
            return {"error": f"{error.code.value}: {error.message}", "refresh_worker": True}
        finally:
            del self._works[key]
        _log.info(
            "request_ended",
            job_id=job.job_id,
            status=result.status,
            seconds=round(result.total_processing_time, 3),
            chunks={chunk.chunk_index: round(chunk.processing_time, 3) for chunk in chunks},
        )
        return make_response(result, chunks)

    def _teller(self, request: dict[str, Any], key: str) -> Callable[[ChunkResult], None]:
        last = self._clock() - PROGRESS_SECONDS

        def told(chunk: ChunkResult) -> None:
            nonlocal last
            work = self._works.get(key)
            if work is None:
                return
            work.chunks, work.num_chunks = work.chunks + 1, chunk.num_chunks
            now = self._clock()
            # After the last one comes the answer, which an update must not overtake.
            if self._progress is None or work.chunks >= chunk.num_chunks or now - last < PROGRESS_SECONDS:
                return
            last = now
            self._progress(request, {"completed_chunks": work.chunks, "num_chunks": work.num_chunks})

        return told
