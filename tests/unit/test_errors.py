"""The error codes: each explained, each with a class that says what to do."""

from __future__ import annotations

import pytest

from consumer.errors import (
    CODES,
    CodedError,
    ConfigurationError,
    ErrorCode,
    FencedError,
    PermanentError,
    TransientError,
    VideoConsumerError,
)

# Trying again can help with these, and with no others.
TRANSIENT = {
    "SOURCE_UNREACHABLE",
    "ENGINE_TIMEOUT",
    "ENGINE_DIED",
    "OUTPUT_EMPTY",
    "OUTPUT_REPETITIVE",
    "OUTPUT_INVALID_JSON",
}
# What results and dead letters of earlier versions carry.
PUBLISHED = {
    *TRANSIENT,
    *("EVENT_UNDECODABLE", "EVENT_INVALID", "SOURCE_NOT_FOUND", "SOURCE_FORBIDDEN", "SOURCE_REFUSED"),
    *("SOURCE_CHANGED", "SOURCE_TOO_LARGE", "MEDIA_UNREADABLE", "MEDIA_NO_VIDEO", "MEDIA_UNSUPPORTED"),
    *("MEDIA_TOO_LONG", "CHUNK_NO_FRAMES", "BUDGET_TOO_SMALL", "ENGINE_REJECTED", "RESULT_TOO_LARGE"),
    *("DEADLINE_EXCEEDED", "ATTEMPTS_EXHAUSTED", "CANCELLED"),
}


def test_no_published_code_is_missing() -> None:
    assert {code.value for code in ErrorCode} >= PUBLISHED


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_is_explained_in_sentences(code: ErrorCode) -> None:
    info = CODES[code]
    for text in (info.sentence, info.remedy):
        assert text[0].isupper()
        assert text.endswith(".")
        assert "\n" not in text
    assert code.name == code.value


@pytest.mark.parametrize("code", ErrorCode)
def test_its_class_is_the_contract_s(code: ErrorCode) -> None:
    assert CODES[code].transient == (code.value in TRANSIENT)


@pytest.mark.parametrize("kind", [TransientError, PermanentError])
def test_an_error_carries_its_code_and_reads_as_its_sentence(kind: type[CodedError]) -> None:
    error = kind(ErrorCode.SOURCE_NOT_FOUND, "There is no object a/b.")
    assert (error.code, error.message, str(error)) == (ErrorCode.SOURCE_NOT_FOUND, error.message, error.message)
    assert error.message == "There is no object a/b."


def test_all_expected_errors_have_one_base_and_are_told_apart() -> None:
    kinds = (TransientError, PermanentError, ConfigurationError, FencedError)
    for kind in kinds:
        assert issubclass(kind, VideoConsumerError)
        assert not any(issubclass(kind, other) for other in kinds if other is not kind)
