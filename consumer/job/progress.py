"""How far a run is, for whoever looks while it lasts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from consumer.events.models import ChunkResult
from consumer.events.traceparent import TraceParent

Stage = Literal["opening", "describing", "aggregating"]


@dataclass(slots=True)
class Progress:
    """Written in the event loop, read by any thread.

    Args:
        stage: what the run does now.
        num_chunks: that it has in all, recovered ones included; None before the video is opened.
        video_seconds: that it describes in all; None likewise.
        chunks_in_work: from their first step until they are published.
        chunks_done, chunks_failed: published, by this run or an earlier one; the failed ones of them.
        described_seconds: of video, chunk by chunk: what two of them share counts twice.
        span: the run's own, if spans are made, for what follows it.
    """

    stage: Stage = "opening"
    num_chunks: int | None = None
    video_seconds: float | None = None
    chunks_in_work: int = 0
    chunks_done: int = 0
    chunks_failed: int = 0
    described_seconds: float = 0.0
    span: TraceParent | None = None

    def planned(self, chunks: int, seconds: float) -> None:
        """The video is opened, and there is this to describe."""
        self.stage, self.num_chunks, self.video_seconds = "describing", chunks, seconds

    def published(self, results: Iterable[ChunkResult]) -> None:
        """These chunk results are there for all to see."""
        for result in results:
            self.num_chunks = result.num_chunks
            self.chunks_done += 1
            self.chunks_failed += not result.success
            self.described_seconds += result.end_time - result.start_time if result.success else 0.0

    def told(self) -> dict[str, Any]:
        """As JSON tells it; `progress` is a share, from 0 to 1."""
        return {
            "stage": self.stage,
            "chunks_done": self.chunks_done,
            "chunks_failed": self.chunks_failed,
            "chunks_in_work": self.chunks_in_work,
            "num_chunks": self.num_chunks,
            "progress": round(self.chunks_done / self.num_chunks, 4) if self.num_chunks else 0.0,
            "described_seconds": round(self.described_seconds, 3),
            "video_seconds": round(self.video_seconds, 3) if self.video_seconds is not None else None,
        }
