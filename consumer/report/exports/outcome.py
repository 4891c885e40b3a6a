"""What there is of a job, as the writers of files take it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from consumer.events.models import ChunkResult, VideoResult


@dataclass(frozen=True, slots=True)
class Outcome:
    """A job's results.

    Args:
        chunks: by index.
        final: None while the job is not done.
        relative_times: whether the times that the model told count from the chunk's start (TIMESTAMPS).
    """

    job_id: str
    chunks: tuple[ChunkResult, ...]
    final: VideoResult | None
    relative_times: bool = True

    @classmethod
    def of(
        cls, job_id: str, chunks: Sequence[ChunkResult], final: VideoResult | None, *, relative_times: bool
    ) -> Outcome:
        return cls(job_id, tuple(sorted(chunks, key=lambda one: one.chunk_index)), final, relative_times)


def response(outcome: Outcome) -> dict[str, Any]:
    """The response of the HTTP interface: the final result's fields plus `chunk_results` in full.

    Of a job that is not done, its chunks alone, with the status null.
    """
    chunks = [chunk.model_dump(mode="json") for chunk in outcome.chunks]
    final = outcome.final
    fields = final.model_dump(mode="json") if final is not None else {"job_id": outcome.job_id, "status": None}
    return fields | {"chunk_results": chunks}
