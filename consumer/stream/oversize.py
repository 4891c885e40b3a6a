"""What is said instead of a result that does not fit into one Kafka message."""

from __future__ import annotations

from consumer.errors import ErrorCode
from consumer.events.models import ChunkResult, ErrorInfo, VideoResult


def chunk(result: ChunkResult, message: str) -> ChunkResult:
    """The chunk as failed with RESULT_TOO_LARGE, without its text."""
    return result.model_copy(
        update={"success": False, "response": None, "parsed": None, "metadata": {}, "error": _error(message)}
    )


def final(result: VideoResult, message: str) -> VideoResult:
    """The final result without its answer and the job's metadata; the chunk results stand in their topic.

    A success becomes `partial`; a failure keeps its reason.
    """
    bare = result.model_copy(update={"aggregated_response": None, "metadata": {}})
    if result.status not in ("succeeded", "partial"):
        return bare
    return bare.model_copy(update={"success": False, "status": "partial", "error": _error(message)})


def _error(message: str) -> ErrorInfo:
    return ErrorInfo(code=ErrorCode.RESULT_TOO_LARGE, message=message, retryable=False)
