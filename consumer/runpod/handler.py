"""The serverless handler: one request in, one response out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import structlog

from consumer.errors import ErrorCode, TransientError
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from consumer.runpod.request import RequestError, read_request
from consumer.runpod.response import make_response

_log = structlog.get_logger(__name__)


class Describer(Protocol):
    """Does a job (`Runtime`)."""

    async def describe(self, job: VideoJob) -> tuple[VideoResult, list[ChunkResult]]: ...


class Handler:
    """What RunPod's SDK calls for every request.

    Args:
        died: called when the engine is gone, after which no request can be answered.
    """

    def __init__(self, runtime: Describer, died: Callable[[], None]) -> None:
        self._runtime, self._died = runtime, died

    async def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        """The response; with `error` (one sentence) when the request is wrong or nothing could be described."""
        try:
            job = read_request(request)
        except RequestError as error:
            _log.info("request_refused", reason=str(error))
            return {"error": str(error)}
        _log.info("request_started", job_id=job.job_id)
        try:
            result, chunks = await self._runtime.describe(job)
        except TransientError as error:
            if error.code is not ErrorCode.ENGINE_DIED:
                raise
            _log.exception("engine_died", job_id=job.job_id)
            self._died()
            return {"error": f"{error.code.value}: {error.message}", "refresh_worker": True}
        _log.info(
            "request_ended",
            job_id=job.job_id,
            status=result.status,
            seconds=round(result.total_processing_time, 3),
            chunks={chunk.chunk_index: round(chunk.processing_time, 3) for chunk in chunks},
        )
        return make_response(result, chunks)
