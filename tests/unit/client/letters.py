"""Dead letters for tests."""

from __future__ import annotations

import json
from typing import Any

from consumer.errors import ErrorCode
from consumer.events.dead_letters import DeadLetter
from consumer.events.headers import Header, JobPosition, dead_letter_headers

JOB: dict[str, Any] = {"job_id": "job-1", "prompt": "What?", "video_url": "s3://videos/a.mp4"}


def letter(
    *,
    offset: int = 0,
    partition: int = 1,
    code: ErrorCode = ErrorCode.SOURCE_UNREACHABLE,
    message: str = "The store did not answer.",
    key: bytes | None = b"job-1",
    value: bytes | None = json.dumps(JOB).encode(),
    received: tuple[Header, ...] = (("traceparent", b"00-1"),),
    timestamp: int = 1_000_000,
) -> DeadLetter:
    headers = dead_letter_headers(
        received,
        code=code,
        message=message,
        position=JobPosition("video.jobs", partition, 17),
        timestamp_ms=500,
        attempt=2,
        stage="job",
        worker="w",
    )
    return DeadLetter("video.jobs.dlq", partition, offset, timestamp, key, value, tuple(headers))
