"""The headers of each kind of record, as JSON Schema: their names are those that the code writes."""

from __future__ import annotations

from typing import Any, get_args

from consumer.errors import ErrorCode
from consumer.events.codec import CONTENT_TYPES
from consumer.events.dead_letters import REDRIVEN_FROM, REDRIVEN_TIMES
from consumer.events.headers import (
    CANCEL_REQUESTED,
    DEAD_LETTER_PREFIX,
    SPEC_VERSION,
    SUBMITTED,
    VIDEO_SECONDS,
    Header,
    JobPosition,
    chunk_kind,
    cloud_event_headers,
    dead_letter_headers,
    event_type,
    final_kind,
    job_headers,
)
from consumer.events.models import Status

Json = dict[str, Any]

_POSITION = JobPosition("video.jobs", 0, 0)
_TRACE = "W3C trace context; that of the job is handed through to its results."
_JOB_EXTRAS = {
    "traceparent": _TRACE,
    VIDEO_SECONDS: "How many seconds of video the job asks for, where the producer knows it.",
    REDRIVEN_FROM: "Dead letter that this record was made of: /topic/partition/offset.",
    REDRIVEN_TIMES: "How often the record has been sent again, this time included.",
}
_CLOUD_EVENT = {
    "ce_specversion": "Version of CloudEvents.",
    "ce_id": "Identity of the event.",
    "ce_source": "Where it comes from.",
    "ce_type": "What happened.",
    "ce_subject": "The job's job_id.",
    "ce_time": "When, RFC 3339.",
    "content-type": "Format of the value; it may differ from record to record.",
    "traceparent": _TRACE,
}
_RESULT = {
    "ce_id": "Identity of the event: the same whenever it is computed anew from the same record.",
    "ce_source": "The job's record: /topic/partition/offset.",
}
_DEAD_LETTER = {
    "code": "Why it failed.",
    "message": "One sentence that names the field or thing concerned.",
    "topic": "Topic of the job's record.",
    "partition": "Its partition, a decimal number.",
    "offset": "Its offset, a decimal number.",
    "timestamp": "Its time, milliseconds since the epoch.",
    "attempt": "Starts of the job; 0 if the record never became one.",
    "stage": "Where the work stood.",
    "worker": "Name of the process that gave it up.",
}


def job_header_schema() -> Json:
    """Of a job; none of them is required."""
    return {**_cloud_event(job_headers("", 0, ""), [event_type(SUBMITTED)], {}, _JOB_EXTRAS), "required": []}


def cancel_header_schema() -> Json:
    """Of a request to stop a job; none of them is required."""
    written = job_headers("", 0, "", CANCEL_REQUESTED)
    return {**_cloud_event(written, [event_type(CANCEL_REQUESTED)], {}, {}), "required": []}


def chunk_header_schema() -> Json:
    """Of a chunk result."""
    return _result([event_type(chunk_kind(success)) for success in (True, False)])


def final_header_schema() -> Json:
    """Of a final result."""
    return _result([event_type(final_kind(status)) for status in get_args(Status)])


def dead_letter_header_schema() -> Json:
    """Of a dead letter: what stands behind the received headers."""
    written = dead_letter_headers(
        [], code=ErrorCode.CANCELLED, message="", position=_POSITION, timestamp_ms=0, attempt=0, stage="", worker=""
    )
    # An unknown name raises KeyError: a header that nobody described.
    texts = {name: _DEAD_LETTER[name.removeprefix(DEAD_LETTER_PREFIX)] for name, _ in written}
    properties = {name: _text(text) for name, text in texts.items()}
    properties[f"{DEAD_LETTER_PREFIX}code"]["examples"] = [code.value for code in ErrorCode]
    return {"type": "object", "required": list(properties), "properties": properties}


def _result(types: list[str]) -> Json:
    written = cloud_event_headers(
        position=_POSITION, kind="", chunk_index=0, subject="", time_ms=0, content_type="", traceparent=b""
    )
    return _cloud_event(written, types, _RESULT, {})


def _cloud_event(
    written: list[tuple[str, str | bytes | None]] | list[Header], types: list[str], texts: Json, extras: Json
) -> Json:
    names = [name for name, _ in written]
    properties = {name: _text({**_CLOUD_EVENT, **texts}[name]) for name in names}
    properties["ce_specversion"]["const"] = SPEC_VERSION
    properties["ce_type"]["enum"] = types
    properties["ce_time"]["format"] = "date-time"
    properties["content-type"]["enum"] = list(CONTENT_TYPES.values())
    required = [name for name in names if name != "traceparent"]
    optional = {name: _text(text) for name, text in extras.items()}
    return {"type": "object", "required": required, "properties": {**properties, **optional}}


def _text(description: str) -> Json:
    return {"type": "string", "description": description}
