"""Results as text and as JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.cli.format import answer_text, as_json, chunk_text, clock, failure, span, summary
from consumer.errors import CODES, ErrorCode
from consumer.events.models import ErrorInfo
from tests.unit.stream.builders import chunk, final

EVIL = "a\x1b[2Jb\x9b0m"
LOST = ErrorInfo(code=ErrorCode.SOURCE_NOT_FOUND, message="There is no object a/b.", retryable=False)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00:00"), (59.96, "0:01:00"), (61.25, "0:01:01.2"), (3599.94, "0:59:59.9"), (36_000, "10:00:00")],
)
def test_source_time_reads_as_on_a_player(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@given(st.floats(0, 1e6))
def test_source_time_is_right_to_a_tenth(seconds: float) -> None:
    hours, minutes, rest = clock(seconds).split(":")
    assert abs(int(hours) * 3600 + int(minutes) * 60 + float(rest) - seconds) <= 0.0501
    assert int(minutes) < 60
    assert float(rest) < 60


def test_a_failure_says_what_to_do() -> None:
    remedy = CODES[ErrorCode.SOURCE_NOT_FOUND].remedy
    assert failure(LOST) == f"SOURCE_NOT_FOUND: There is no object a/b. {remedy}"
    assert failure(None) == "failed"


def test_a_chunk_reads_as_its_answer_or_its_failure() -> None:
    assert chunk_text(chunk(0)) == "text 0"
    assert chunk_text(chunk(0).model_copy(update={"success": False, "error": LOST})) == failure(LOST)
    assert span(chunk(1)) == "0:00:58 - 0:01:58"


def test_a_job_in_one_line() -> None:
    assert summary(final(4, status="partial")) == "partial, 4 of 4 chunks, 2.0 s"


def test_json_keeps_letters_readable() -> None:
    assert as_json({"a": "é"}) == '{\n  "a": "é"\n}'


def test_json_holds_nothing_that_a_terminal_obeys() -> None:
    text = as_json({"a": "\x1b[2J\x9b\u202e"})
    assert text == '{\n  "a": "\\u001b[2J\\u009b\\u202e"\n}'
    assert json.loads(text) == {"a": "\x1b[2J\x9b\u202e"}


@pytest.mark.parametrize(
    "text",
    [
        chunk_text(chunk(0).model_copy(update={"response": EVIL})),
        answer_text(final(1).model_copy(update={"aggregated_response": EVIL})),
        failure(LOST.model_copy(update={"message": EVIL})),
    ],
    ids=["chunk", "answer", "failure"],
)
def test_no_text_holds_anything_that_a_terminal_obeys(text: str) -> None:
    assert "a�[2Jb�0m" in text
