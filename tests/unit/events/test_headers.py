"""Headers: CloudEvents on results, reasons on dead letters, ids that a replay does not change."""

from __future__ import annotations

import datetime
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import ErrorCode
from consumer.events.headers import (
    LONGEST_MESSAGE,
    Header,
    JobPosition,
    cloud_event_headers,
    dead_letter_headers,
    event_id,
    job_headers,
    stated_seconds,
)
from consumer.events.models import LATEST_MS

POSITION = JobPosition("video.jobs", 3, 42)
# 2026-01-01T00:00:00.123Z
NOW = 1_767_225_600_123
topics = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", min_size=1, max_size=20)
numbers = st.integers(0, 2**40)
things = st.tuples(topics, numbers, numbers, st.sampled_from(["run", "chunk", "final"]), st.none() | numbers)


def result_headers(
    kind: str = "chunk.completed", chunk_index: int | None = 7, traceparent: bytes | None = None
) -> list[Header]:
    return cloud_event_headers(
        position=POSITION,
        kind=kind,
        chunk_index=chunk_index,
        subject="job-1",
        time_ms=NOW,
        content_type="application/avro",
        traceparent=traceparent,
    )


def test_a_chunk_result_is_a_cloud_event() -> None:
    assert result_headers() == [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id("video.jobs", 3, 42, "chunk", 7).encode()),
        ("ce_source", b"/video.jobs/3/42"),
        ("ce_type", b"video.chunk.completed.v1"),
        ("ce_subject", b"job-1"),
        ("ce_time", b"2026-01-01T00:00:00.123Z"),
        ("content-type", b"application/avro"),
    ]


def test_the_id_does_not_depend_on_how_it_ended() -> None:
    """So that a replay that fails, or that succeeds, is the same event."""
    assert dict(result_headers("chunk.failed"))["ce_id"] == dict(result_headers("chunk.completed"))["ce_id"]
    finals = [dict(result_headers(f"job.{status}", None)) for status in ("succeeded", "failed")]
    assert {one["ce_id"] for one in finals} == {event_id("video.jobs", 3, 42, "final").encode()}
    assert finals[1]["ce_type"] == b"video.job.failed.v1"


def test_the_trace_is_handed_through() -> None:
    parent = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert dict(result_headers(traceparent=parent))["traceparent"] == parent
    assert "traceparent" not in dict(result_headers())


def test_ids_are_for_good() -> None:
    """Written down: a change would make published results look new after an upgrade."""
    assert event_id("video.jobs", 3, 42, "run") == "a5e0b3e3-7dfa-5596-80f5-ff7522cd461f"
    assert event_id("video.jobs", 3, 42, "chunk", 7) == "f7b706dc-8b8b-5d08-8c07-c96f97d6f882"
    assert event_id("video.jobs", 3, 42, "final") == "ddfbba96-256b-5135-9f4c-5601892dcbfa"


@given(one=things, other=things)
def test_an_id_belongs_to_one_thing(
    one: tuple[str, int, int, str, int | None], other: tuple[str, int, int, str, int | None]
) -> None:
    assert uuid.UUID(event_id(*one)).version == 5
    assert (event_id(*one) == event_id(*other)) is (one == other)


def test_a_submission_is_an_event_of_its_own() -> None:
    first, second = (dict(job_headers("job-1", NOW, "application/json")) for _ in range(2))
    assert first["ce_type"] == b"video.job.submitted.v1"
    assert first["ce_subject"] == b"job-1"
    assert first["content-type"] == b"application/json"
    assert first["ce_id"] != second["ce_id"]


def dead(received: list[Header], message: str = "The field top_p is wrong.") -> list[Header]:
    return dead_letter_headers(
        received,
        code=ErrorCode.EVENT_INVALID,
        message=message,
        position=POSITION,
        timestamp_ms=NOW,
        attempt=2,
        stage="decode",
        worker="host-1",
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"90.5", 90.5),
        (b"3e3", 3000.0),
        *((value, None) for value in (None, b"", b"0", b"-1", b"nan", b"inf", b"99999999", b"an hour", b"\xff")),
    ],
)
def test_a_producer_may_state_how_much_video_it_asks_for(value: bytes | None, seconds: float | None) -> None:
    assert stated_seconds([("other", b"7"), ("video-seconds", value)]) == seconds


def test_what_our_client_states_is_what_a_worker_reads() -> None:
    headers = [
        (name, value if isinstance(value, bytes) else None)
        for name, value in job_headers("j", 1, "x", video_seconds=36000.5)
    ]
    assert stated_seconds(headers) == 36000.5
    assert stated_seconds([]) is None


def test_a_dead_letter_says_why_and_where() -> None:
    assert dict(dead([])) == {
        "__dlq.errors.code": b"EVENT_INVALID",
        "__dlq.errors.message": b"The field top_p is wrong.",
        "__dlq.errors.topic": b"video.jobs",
        "__dlq.errors.partition": b"3",
        "__dlq.errors.offset": b"42",
        "__dlq.errors.timestamp": str(NOW).encode(),
        "__dlq.errors.attempt": b"2",
        "__dlq.errors.stage": b"decode",
        "__dlq.errors.worker": b"host-1",
    }


@given(received=st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=5))
def test_received_headers_are_untouched(received: list[Header]) -> None:
    again = dead(dead(received), "Again.")
    assert again[: len(received)] == received
    assert dict(again)["__dlq.errors.message"] == b"Again.", "the last time counts"


@pytest.mark.parametrize("message", ["x" * 1_000_000, "half a pair: \ud800", "né"])
def test_any_message_fits_into_a_header(message: str) -> None:
    found = dict(dead([], message))["__dlq.errors.message"]
    assert found is not None
    assert 0 < len(found.decode()) <= LONGEST_MESSAGE


@given(st.integers(0, 2**63 - 1) | st.integers(0, LATEST_MS))
def test_any_instant_is_a_time(time_ms: int) -> None:
    headers = cloud_event_headers(
        position=POSITION,
        kind="job.failed",
        chunk_index=None,
        subject="j",
        time_ms=time_ms,
        content_type="application/json",
        traceparent=None,
    )
    time = datetime.datetime.fromisoformat((dict(headers)["ce_time"] or b"").decode())
    since = time - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    assert since // datetime.timedelta(milliseconds=1) == min(time_ms, LATEST_MS)
