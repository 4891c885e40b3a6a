"""What the headers of a dead letter say, and those of the record that is made of it."""

from __future__ import annotations

from consumer.errors import CODES, ErrorCode
from consumer.events.dead_letters import DeadLetter, redrive_headers, redriven_offset
from tests.unit.client.letters import letter


def test_the_headers_tell_what_happened() -> None:
    found = letter(offset=7)
    assert (found.place, found.source, found.code, found.attempt) == (
        "1/7",
        "/video.jobs.dlq/1/7",
        ErrorCode.SOURCE_UNREACHABLE,
        2,
    )
    assert found.error("offset") == "17"
    assert found.sentence == f"The store did not answer. {CODES[ErrorCode.SOURCE_UNREACHABLE].remedy}"


def test_without_headers_it_is_a_dead_letter_all_the_same() -> None:
    bare = DeadLetter("dlq", 0, 0, 0, None, None, (("__dlq.errors.code", b"\xff"), ("__dlq.errors.attempt", b"x")))
    assert (bare.code, bare.attempt, bare.times_redriven) == (None, 0, 0)
    assert bare.sentence == "The headers do not say why."


def test_a_record_that_is_sent_again_says_from_where_and_leaves_the_errors_behind() -> None:
    first = redrive_headers(letter(offset=7))
    assert first == [
        ("traceparent", b"00-1"),
        ("__dlq.redriven.from", b"/video.jobs.dlq/1/7"),
        ("__dlq.redriven.times", b"1"),
    ]
    again = redrive_headers(letter(offset=9, received=tuple(first)))
    assert again[1:] == [("__dlq.redriven.from", b"/video.jobs.dlq/1/9"), ("__dlq.redriven.times", b"2")]


def test_the_last_errors_count() -> None:
    twice = letter(code=ErrorCode.SOURCE_NOT_FOUND, received=letter().headers)
    assert twice.code is ErrorCode.SOURCE_NOT_FOUND


def test_a_record_names_the_dead_letter_that_it_was_made_of() -> None:
    headers = redrive_headers(letter(offset=7))
    assert redriven_offset(headers, "video.jobs.dlq", 1) == 7
    assert redriven_offset(headers, "video.jobs.dlq", 2) is None
    assert redriven_offset(headers, "other.jobs.dlq", 1) is None
    assert redriven_offset([("__dlq.redriven.from", b"/video.jobs.dlq/1/x")], "video.jobs.dlq", 1) is None
    assert redriven_offset([], "video.jobs.dlq", 1) is None
