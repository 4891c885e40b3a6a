"""The HTTP response: the original's fields, and everything else that the final event tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from consumer.events.models import ChunkResult, VideoResult


def make_response(result: VideoResult, chunks: Sequence[ChunkResult]) -> dict[str, Any]:
    """The final result with `chunk_results` in full, in order of index, as JSON values.

    RunPod's SDK takes the key `error` out of a handler's answer and reports the request as failed. So `error` is there
    (as text, which is what the SDK can carry) only when nothing was described; what kept a result `partial` stands
    under `incomplete`.
    """
    ordered = sorted(chunks, key=lambda chunk: chunk.chunk_index)
    response = result.model_dump(mode="json", exclude={"error"})
    response["chunk_results"] = [chunk.model_dump(mode="json") for chunk in ordered]
    if result.error is None:
        return response
    if result.status == "failed":
        return response | {"error": f"{result.error.code.value}: {result.error.message}"}
    return response | {"incomplete": result.error.model_dump(mode="json")}
