"""One fixed event of each kind, with every field filled: what the golden bytes stand for."""

from __future__ import annotations

from consumer.errors import ErrorCode
from consumer.events.models import (
    Aggregation,
    CancelJob,
    ChunkRef,
    ChunkResult,
    Coverage,
    ErrorInfo,
    Event,
    Frames,
    Provenance,
    Sampling,
    Timings,
    Tokens,
    VideoInfo,
    VideoJob,
    VideoResult,
)

PROVENANCE = Provenance(
    model="Qwen/Qwen3-VL-8B-Instruct-FP8",
    revision="main",
    quantization="fp8",
    engine="vllm",
    engine_version="0.11.0",
    prompt_digest="p1",
    sampling=Sampling(max_tokens=512, temperature=0.7, top_p=0.8, top_k=20, presence_penalty=1.5, seed=2**40),
    plan_digest="d1",
    consumer_version="0.1.0",
    worker="host-1",
)
TOKENS = Tokens(vision=100, prompt=120, completion=30)
TIMINGS = Timings(fetch=0.5, decode=1.0, wait=0.25, first_token=0.125, generate=2.0)

JOB = VideoJob(
    job_id="job-1",
    video_url="s3://videos/talk.mp4",
    prompt="Was geschieht? 何が?",
    system_prompt="Be brief.",
    seed=7,
    chunk_duration=30.0,
    chunk_overlap=1.0,
    fps=None,
    max_frames_per_chunk=64,
    start_time=1.5,
    end_time=600.0,
    aggregation_prompt="Sum up.",
    response_schema='{"type": "object"}',
    deadline=1_767_225_600_123,
    metadata={"owner": "Zoë"},
)
CANCEL = CancelJob(job_id="job-1", reason="wrong file", created_at=1_767_225_600_123)
CHUNK = ChunkResult(
    chunk_index=1,
    start_time=58.0,
    end_time=118.0,
    success=True,
    response="A red disc moves.",
    processing_time=3.5,
    job_id="job-1",
    run_id="run-1",
    num_chunks=3,
    attempt=2,
    error=None,
    finish_reason="length",
    truncated=True,
    degraded=["fps 2 -> 1: the budget is 18000 vision tokens"],
    frames=Frames(count=60, fps=1.0, width=640, height=352, first_time=58.0, last_time=117.0),
    tokens=TOKENS,
    timings=TIMINGS,
    provenance=PROVENANCE,
    parsed='{"a": 1}',
    metadata={"owner": "Zoë"},
    created_at=1_767_225_600_123,
)
RESULT = VideoResult(
    success=False,
    video_info=VideoInfo(
        width=1920,
        height=1080,
        fps=30.0,
        duration=170.0,
        total_frames=5100,
        codec="h264",
        container="mp4",
        size_bytes=2**33,
        has_audio=True,
        rotation=90,
    ),
    num_chunks=2,
    aggregated_response="A disc moves; nothing is known of 58 s on.",
    total_successful_chunks=1,
    total_processing_time=9.5,
    job_id="job-1",
    run_id="run-1",
    status="partial",
    error=ErrorInfo(code=ErrorCode.CHUNK_NO_FRAMES, message="Chunk 1 has no frames.", retryable=False),
    chunks=[
        ChunkRef(
            chunk_index=0,
            start_time=0.0,
            end_time=60.0,
            success=True,
            error_code=None,
            partition=3,
            offset=2**32,
            event_id="e0",
        ),
        ChunkRef(
            chunk_index=1,
            start_time=58.0,
            end_time=118.0,
            success=False,
            error_code=ErrorCode.CHUNK_NO_FRAMES,
            partition=None,
            offset=None,
            event_id=None,
        ),
    ],
    coverage=Coverage(covered_seconds=60.0, total_seconds=118.0, gaps=[[60.0, 118.0]]),
    aggregation=Aggregation(levels=1, calls=1, tokens=Tokens(prompt=50, completion=20)),
    tokens=TOKENS,
    timings=TIMINGS,
    attempts=2,
    provenance=PROVENANCE,
    metadata={},
    created_at=1_767_225_600_123,
)

EXAMPLES: dict[str, Event] = {"video-job": JOB, "cancel-job": CANCEL, "chunk-result": CHUNK, "video-result": RESULT}
