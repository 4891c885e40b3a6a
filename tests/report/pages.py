"""Outcomes of jobs that never ran, to make pages of: whole, partial, cancelled, zoomed, hostile, long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from consumer.errors import CODES, ErrorCode
from consumer.events.combining import reference, sum_timings, sum_tokens
from consumer.events.models import (
    Aggregation,
    ChunkResult,
    ErrorInfo,
    Frames,
    Provenance,
    Sampling,
    Timings,
    Tokens,
    VideoInfo,
    VideoResult,
)
from consumer.job.results import coverage_of, verdict
from consumer.media.pictures import jpeg
from consumer.report.exports.outcome import Outcome
from consumer.report.video import Picture

PROVENANCE = Provenance(
    model="Qwen/Qwen3-VL-8B-Instruct-FP8",
    revision="a1b2c3d",
    quantization="fp8",
    engine="vllm",
    engine_version="0.32.0",
    prompt_digest="9f2c1d7e5b3a4c60",
    sampling=Sampling(max_tokens=512, temperature=0.7, top_p=0.8, top_k=20, presence_penalty=1.5, seed=None),
    plan_digest="c60.0-o2.0-5d41402abc4b2a76b9719d911017c592",
    consumer_version="0.1.0",
    worker="worker-1",
)
CREATED_MS = 1_790_000_000_000


def error(code: ErrorCode, message: str) -> ErrorInfo:
    return ErrorInfo(code=code, message=message, retryable=CODES[code].transient)


@dataclass(frozen=True, slots=True)
class Story:
    """A job over chunks of so many seconds, each repeating the last `overlap` of its neighbour.

    Args:
        texts: by chunk; None: the chunk has no result.
        failures: by chunk index, instead of its text.
        changes: fields of a chunk's result, by chunk index.
    """

    texts: Sequence[str | None]
    answer: str | None = "All of it."
    seconds: float = 60.0
    overlap: float = 2.0
    failures: Mapping[int, ErrorInfo] = field(default_factory=dict)
    changes: Mapping[int, Mapping[str, object]] = field(default_factory=dict)
    trouble: ErrorInfo | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    provenance: Provenance = PROVENANCE
    job_id: str = "talk-1"
    width: int = 1920
    height: int = 1080
    fps: float = 29.97
    bytes_per_second: float = 500_000

    def chunks(self) -> list[ChunkResult]:
        return [self._chunk(index, text) for index, text in enumerate(self.texts) if text is not None]

    def final(self) -> VideoResult:
        chunks = self.chunks()
        status, problem = verdict(chunks, self.trouble)
        whole = 0.0, (len(self.texts) - 1) * (self.seconds - self.overlap) + self.seconds
        spent = Tokens(prompt=900, completion=180)
        return VideoResult(
            success=status == "succeeded",
            video_info=VideoInfo(
                width=self.width,
                height=self.height,
                fps=self.fps,
                duration=whole[1],
                total_frames=round(whole[1] * self.fps),
                codec="h264",
                container="mov",
                size_bytes=round(whole[1] * self.bytes_per_second),
                has_audio=True,
                rotation=0,
            ),
            # A second look plans only the chunks that it chooses.
            num_chunks=len(chunks) if self.provenance.source_job_id is not None else len(self.texts),
            aggregated_response=self.answer,
            total_successful_chunks=sum(one.success for one in chunks),
            total_processing_time=whole[1] / 210,
            job_id=self.job_id,
            run_id="0190a7c2-31a0-7e3f-8a55-1f0f3c2d4e5f",
            status=status,
            error=problem,
            chunks=[reference(one) for one in chunks],
            coverage=coverage_of(whole, chunks),
            aggregation=Aggregation(levels=1, calls=1, tokens=spent),
            tokens=sum_tokens([*(one.tokens for one in chunks), spent]),
            timings=sum_timings([one.timings for one in chunks]),
            attempts=1,
            provenance=self.provenance,
            metadata=dict(self.metadata),
            created_at=CREATED_MS,
        )

    def outcome(self, *, done: bool = True, relative_times: bool = True) -> Outcome:
        final = self.final() if done else None
        return Outcome.of(self.job_id, self.chunks(), final, relative_times=relative_times)

    def pictures(self) -> dict[int, Picture]:
        """Coloured surfaces, one a chunk."""
        made = {}
        for one in self.chunks():
            colour = np.array([40 + one.chunk_index * 37 % 180, 60 + one.chunk_index * 59 % 160, 120], np.uint8)
            pixels = np.broadcast_to(colour, (126, 224, 3))
            middle = (one.start_time + one.end_time) / 2
            made[one.chunk_index] = Picture(jpeg(pixels, 224, 126), 224, 126, middle)
        return made

    def _chunk(self, index: int, text: str) -> ChunkResult:
        failure = self.failures.get(index)
        start = index * (self.seconds - self.overlap)
        made = ChunkResult(
            chunk_index=index,
            start_time=start,
            end_time=start + self.seconds,
            success=failure is None,
            response=text if failure is None else None,
            processing_time=2.41,
            job_id=self.job_id,
            run_id="0190a7c2-31a0-7e3f-8a55-1f0f3c2d4e5f",
            num_chunks=len(self.texts),
            attempt=1,
            error=failure,
            finish_reason="stop" if failure is None else None,
            truncated=False,
            degraded=[],
            frames=Frames(count=120, fps=2.0, width=640, height=352, first_time=start, last_time=start + self.seconds),
            tokens=Tokens(vision=13_200, prompt=13_980, completion=96) if failure is None else Tokens(),
            timings=Timings(fetch=0.2, decode=0.61, wait=0.3, first_token=0.9, generate=1.3),
            provenance=self.provenance,
            parsed=None,
            metadata=dict(self.metadata),
            created_at=CREATED_MS,
        )
        return made.model_copy(update=dict(self.changes.get(index, {})))
