"""Small complete events for the tests of the stream."""

from __future__ import annotations

from consumer.errors import ErrorCode
from consumer.events.models import (
    ChunkRef,
    ChunkResult,
    ErrorInfo,
    Provenance,
    Sampling,
    Status,
    Timings,
    Tokens,
    VideoJob,
    VideoResult,
)
from consumer.stream.values import JobRecord

PROVENANCE = Provenance(
    model="m",
    revision=None,
    quantization=None,
    engine="synthetic",
    engine_version="1",
    prompt_digest="p",
    sampling=Sampling(max_tokens=8, temperature=0.0, top_p=1.0, top_k=1, presence_penalty=0.0, seed=None),
    plan_digest="plan",
    consumer_version="0",
    worker="w",
)


def job(job_id: str = "job") -> VideoJob:
    return VideoJob(job_id=job_id, video_url="s3://bucket/key", prompt="What happens?")


def record(offset: int = 0, partition: int = 3, value: bytes | None = b"{}") -> JobRecord:
    return JobRecord("video.jobs", partition, offset, 1_000 + offset, b"job", value, (("h", b"1"),))


def chunk(index: int, *, job_id: str = "job", num_chunks: int = 4, attempt: int = 1) -> ChunkResult:
    return ChunkResult(
        chunk_index=index,
        start_time=58.0 * index,
        end_time=58.0 * index + 60.0,
        success=True,
        response=f"text {index}",
        processing_time=0.5,
        job_id=job_id,
        run_id="run",
        num_chunks=num_chunks,
        attempt=attempt,
        error=None,
        finish_reason="stop",
        truncated=False,
        degraded=[],
        frames=None,
        tokens=Tokens(),
        timings=Timings(),
        provenance=PROVENANCE,
        parsed=None,
        metadata={},
        created_at=1,
    )


def final(
    num_chunks: int = 4, *, job_id: str = "job", status: Status = "succeeded", code: ErrorCode | None = None
) -> VideoResult:
    return VideoResult(
        success=status == "succeeded",
        video_info=None,
        num_chunks=num_chunks,
        aggregated_response="all of it",
        total_successful_chunks=num_chunks,
        total_processing_time=2.0,
        job_id=job_id,
        run_id="run",
        status=status,
        error=ErrorInfo(code=code, message="because", retryable=False) if code is not None else None,
        chunks=[
            ChunkRef(
                chunk_index=index,
                start_time=58.0 * index,
                end_time=58.0 * index + 60.0,
                success=True,
                error_code=None,
                partition=None,
                offset=None,
                event_id=None,
            )
            for index in range(num_chunks)
        ],
        coverage=None,
        aggregation=None,
        tokens=Tokens(),
        timings=Timings(),
        attempts=1,
        provenance=PROVENANCE,
        metadata={},
        created_at=1,
    )
