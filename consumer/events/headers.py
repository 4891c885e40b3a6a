"""Kafka headers: CloudEvents (binary mode) on what we write, `__dlq.errors.*` on dead letters; and stable event ids.

CloudEvents 1.0 for Kafka: each attribute is a header `ce_...`, and `content-type` is that of the value.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from consumer.errors import ErrorCode
from consumer.events.models import LATEST_MS, Status
from consumer.events.traceparent import TRACEPARENT

SPEC_VERSION = "1.0"
SUBMITTED = "job.submitted"
CANCEL_REQUESTED = "job.cancel.requested"
CLIENT_SOURCE = "/video-consumer/client"
DEAD_LETTER_PREFIX = "__dlq.errors."
VIDEO_SECONDS = "video-seconds"
"""A producer may state how much video its job asks for: the header of a job's record, and the key in its metadata."""
# A message may quote what a server said; a header must not push the record over the broker's limit.
LONGEST_MESSAGE = 2000
_LONGEST_VIDEO_SECONDS = 30 * 86_400.0
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_NAMESPACE = uuid.UUID("5f0b4e1c-6d7a-5b0e-9a53-4c1d6f2f8a70")

Header = tuple[str, bytes | None]


@dataclass(frozen=True, slots=True)
class JobPosition:
    """Where a job's record stands in the jobs topic: its identity for everything that is made of it."""

    topic: str
    partition: int
    offset: int

    @property
    def source(self) -> str:
        """The CloudEvents source of the record's results."""
        return f"/{self.topic}/{self.partition}/{self.offset}"


def event_id(topic: str, partition: int, offset: int, kind: str, chunk_index: int | None = None) -> str:
    """The UUIDv5 of something made of a job's record, the same after any replay.

    Args:
        topic, partition, offset: of the job's record.
        kind: `run`, `chunk` or `final`.
        chunk_index: for kind `chunk`.
    """
    name = f"{topic}/{partition}/{offset}/{kind}"
    return str(uuid.uuid5(_NAMESPACE, name if chunk_index is None else f"{name}/{chunk_index}"))


def chunk_kind(success: bool) -> str:
    """What happened to a chunk."""
    return "chunk.completed" if success else "chunk.failed"


def final_kind(status: Status) -> str:
    """How a job ended."""
    return f"job.{status}"


def event_type(kind: str) -> str:
    """The CloudEvents type of something of this kind."""
    return f"video.{kind}.v1"


def cloud_event_headers(
    *,
    position: JobPosition,
    kind: str,
    chunk_index: int | None,
    subject: str,
    time_ms: int,
    content_type: str,
    traceparent: bytes | None,
) -> list[Header]:
    """The headers of a result.

    Args:
        kind: what happened, by `chunk_kind` or `final_kind`. It is not part of the id: a chunk has one event, and a
            job one final event, however they end.
        chunk_index: None for the final result.
        time_ms: milliseconds since the epoch.
        traceparent: the job record's own, handed through where it is one.
    """
    what = "final" if chunk_index is None else "chunk"
    identity = event_id(position.topic, position.partition, position.offset, what, chunk_index)
    headers = _attributes(identity, position.source, kind, subject, time_ms, content_type)
    if traceparent is not None:
        headers.append((TRACEPARENT, traceparent))
    return headers


def job_headers(
    job_id: str,
    time_ms: int,
    content_type: str,
    kind: str = SUBMITTED,
    *,
    video_seconds: float | None = None,
) -> list[tuple[str, str | bytes | None]]:
    """The headers of what our own client sends about a job; every sending is an event of its own.

    Args:
        time_ms: milliseconds since the epoch.
        kind: SUBMITTED or CANCEL_REQUESTED.
        video_seconds: how much video the job asks for, where that is known.
    """
    headers: list[tuple[str, str | bytes | None]] = [
        *_attributes(str(uuid.uuid4()), CLIENT_SOURCE, kind, job_id, time_ms, content_type)
    ]
    if video_seconds is not None:
        headers.append((VIDEO_SECONDS, f"{video_seconds:.10g}".encode()))
    return headers


def stated_seconds(headers: Sequence[Header]) -> float | None:
    """How much video the producer of a job says it asks for; None: it does not say, or says what cannot be."""
    return seconds_in(next((value for name, value in headers if name == VIDEO_SECONDS), None))


def seconds_in(text: bytes | str | None) -> float | None:
    """A plain decimal number of seconds above 0 and up to 30 days."""
    try:
        seconds = float(text or "")
    except ValueError:
        # Of bytes that are no text as well.
        return None
    return seconds if 0 < seconds <= _LONGEST_VIDEO_SECONDS else None


def dead_letter_headers(
    received: Sequence[Header],
    *,
    code: ErrorCode,
    message: str,
    position: JobPosition,
    timestamp_ms: int,
    attempt: int,
    stage: str,
    worker: str,
) -> list[Header]:
    """The received headers, untouched and in their order, and behind them why and where the record failed.

    A record that was sent again and failed again has the errors of both times; the last ones count.

    Args:
        timestamp_ms: the received record's, milliseconds since the epoch.
        attempt: starts of the job, 0 or 1 for a record that never became one.
        stage: the room in which it ended.
        worker: this process's name.
    """
    errors = {
        "code": code.value,
        "message": message[:LONGEST_MESSAGE],
        "topic": position.topic,
        "partition": position.partition,
        "offset": position.offset,
        "timestamp": timestamp_ms,
        "attempt": attempt,
        "stage": stage,
        "worker": worker,
    }
    return [*received, *((DEAD_LETTER_PREFIX + name, _bytes(str(value))) for name, value in errors.items())]


def _attributes(
    identity: str, source: str, kind: str, subject: str, time_ms: int, content_type: str
) -> list[tuple[str, bytes | None]]:
    # A record's time is what its producer says; beyond the year 9999 it cannot be written down.
    time = _EPOCH + datetime.timedelta(milliseconds=min(time_ms, LATEST_MS))
    attributes = {
        "ce_specversion": SPEC_VERSION,
        "ce_id": identity,
        "ce_source": source,
        "ce_type": event_type(kind),
        "ce_subject": subject,
        "ce_time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "content-type": content_type,
    }
    return [(name, _bytes(value)) for name, value in attributes.items()]


def _bytes(text: str) -> bytes:
    """UTF-8; what cannot be said in it (half a surrogate pair, quoted from a broken value) becomes `?`."""
    return text.encode("utf-8", "replace")
