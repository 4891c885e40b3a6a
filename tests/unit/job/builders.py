"""Chunk results for tests that need some."""

from __future__ import annotations

from typing import Any

from consumer.errors import ErrorCode
from consumer.events.models import ChunkResult, ErrorInfo, Provenance, Sampling, Timings, Tokens

SAMPLING = Sampling(max_tokens=512, temperature=0.7, top_p=0.8, top_k=20, presence_penalty=1.5, seed=None)


def provenance(plan_digest: str = "plan") -> Provenance:
    return Provenance(
        model="scripted-model",
        revision="abc",
        quantization="fp8",
        engine="scripted",
        engine_version="1",
        prompt_digest="0" * 64,
        sampling=SAMPLING,
        plan_digest=plan_digest,
        consumer_version="0.1.0",
        worker="worker-0",
    )


def chunk_result(
    index: int,
    start: float,
    end: float,
    *,
    error: ErrorCode | None = None,
    message: str = "It failed.",
    plan_digest: str = "plan",
    **fields: Any,
) -> ChunkResult:
    """A published chunk, successful unless `error` is given."""
    info = ErrorInfo(code=error, message=message, retryable=False) if error is not None else None
    values: dict[str, Any] = {
        "chunk_index": index,
        "start_time": start,
        "end_time": end,
        "success": error is None,
        "response": f"Recovered {index}." if error is None else None,
        "processing_time": 2.0,
        "job_id": "job-1",
        "run_id": "run-1",
        "num_chunks": 5,
        "attempt": 1,
        "error": info,
        "finish_reason": "stop",
        "truncated": False,
        "degraded": [],
        "frames": None,
        "tokens": Tokens(vision=100, prompt=120, completion=10),
        "timings": Timings(decode=1.0, generate=2.0),
        "provenance": provenance(plan_digest),
        "parsed": None,
        "metadata": {},
        "created_at": 1_800_000_000_000,
    }
    return ChunkResult(**{**values, **fields})
