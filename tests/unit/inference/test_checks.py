"""What is published is an answer; with a schema, JSON that fits it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from consumer.errors import CodedError, ErrorCode, PermanentError, TransientError
from consumer.inference.checks import check_output, check_schema, check_text
from consumer.inference.engine import Generation

ANSWER = Generation("A car.", "stop", 100, 130, 5, 0.0, 0.1, 0.2)
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"count": {"type": "integer", "minimum": 0}},
        "required": ["count"],
        "additionalProperties": False,
    }
)


def said(text: str, finish_reason: str = "stop") -> Generation:
    return replace(ANSWER, text=text, finish_reason=finish_reason)


def refusal(text: str, schema: str | None = None, finish_reason: str = "stop") -> CodedError:
    with pytest.raises(CodedError) as caught:
        check_output(said(text, finish_reason), schema)
    return caught.value


def test_an_answer_passes_also_when_it_was_cut_off() -> None:
    assert check_output(said("A car."), None) is None
    assert check_output(said("A car that", "length"), None) is None


@pytest.mark.parametrize("text", ["", "  \n"])
def test_nothing(text: str) -> None:
    error = refusal(text)
    assert (type(error), error.code) == (TransientError, ErrorCode.OUTPUT_EMPTY)


def test_a_loop() -> None:
    error = refusal("and then the car goes on, " * 30)
    assert (type(error), error.code) == (TransientError, ErrorCode.OUTPUT_REPETITIVE)
    assert "presence_penalty" in error.message
    with pytest.raises(TransientError):
        check_text("and then the car goes on, " * 30)


def test_a_list_that_goes_round() -> None:
    lines = [f"[{number % 9}.2s] a star enters" + (" again" if number % 20 == 3 else "") for number in range(90)]
    error = refusal("\n".join(lines))
    assert (type(error), error.code) == (TransientError, ErrorCode.OUTPUT_REPETITIVE)
    assert "last 64 lines only 12 are different" in error.message


def test_json_that_fits_is_handed_back_compact() -> None:
    assert check_output(said('\n{ "count" :  3 }\n'), SCHEMA) == '{"count":3}'
    assert check_output(said('"ä"'), '{"type":"string"}') == '"ä"'


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{"count": -1}', "$.count"),
        ("{}", "'count' is a required property"),
        ('{"count": 1, "more": 2}', "more"),
        ("A car.", "not JSON"),
        ('{"count": NaN}', "NaN is not JSON"),
        ("".join(f"[{number}," for number in range(50_000)), "not JSON"),
    ],
)
def test_json_that_does_not_fit(text: str, part: str) -> None:
    error = refusal(text, SCHEMA)
    assert (type(error), error.code) == (TransientError, ErrorCode.OUTPUT_INVALID_JSON)
    assert part in error.message
    assert len(error.message) < 400


def test_json_that_was_cut_off_says_so() -> None:
    assert "cut off at max_tokens" in refusal('{"count": ', SCHEMA, "length").message


@pytest.mark.parametrize(
    "schema", ["", "not json", "3", '{"type": "strin"}', '{"properties": 3}', '{"$schema": 3}', "[" * 100_000]
)
def test_what_is_no_schema(schema: str) -> None:
    with pytest.raises(PermanentError) as caught:
        check_schema(schema)
    assert caught.value.code is ErrorCode.EVENT_INVALID
    assert "response_schema" in caught.value.message


@pytest.mark.parametrize("schema", [SCHEMA, "true", "{}", '{"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}'])
def test_what_is_a_schema(schema: str) -> None:
    check_schema(schema)


def test_a_schema_never_fetches(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: Any) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr("socket.socket.connect", connect)
    error = refusal('{"a": 1}', '{"$ref": "http://127.0.0.1:9/schema.json"}')
    assert (type(error), error.code) == (PermanentError, ErrorCode.EVENT_INVALID)
