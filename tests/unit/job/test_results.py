from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import CODES, ErrorCode, PermanentError, TransientError
from consumer.events.combining import reference, sum_timings, sum_tokens
from consumer.events.models import ErrorInfo, Timings, Tokens
from consumer.job.results import coverage_of, error_info, verdict
from tests.unit.job.builders import chunk_result

TROUBLE = ErrorInfo(code=ErrorCode.OUTPUT_EMPTY, message="No aggregate.", retryable=True)
GOOD = chunk_result(0, 0, 60)
EMPTY = chunk_result(1, 58, 118, error=ErrorCode.OUTPUT_EMPTY, message="Nothing was said.")
DARK = chunk_result(2, 116, 176, error=ErrorCode.CHUNK_NO_FRAMES)


def test_all_good() -> None:
    assert verdict([GOOD], None) == ("succeeded", None)


def test_a_hole_is_never_succeeded() -> None:
    status, error = verdict([GOOD, EMPTY, DARK, EMPTY], None)
    assert status == "partial"
    assert error is not None
    assert error.code is ErrorCode.OUTPUT_EMPTY
    assert error.message == "3 of 4 chunks failed, most with OUTPUT_EMPTY: Nothing was said."


def test_one_kind_of_failure_is_named_once() -> None:
    _, error = verdict([GOOD, EMPTY, EMPTY], None)
    assert error is not None
    assert error.message == "2 of 3 chunks failed: Nothing was said."


def test_all_failed_takes_the_most_frequent_code() -> None:
    status, error = verdict([EMPTY, DARK, DARK], None)
    assert (status, error.code if error else None) == ("failed", ErrorCode.CHUNK_NO_FRAMES)


@pytest.mark.parametrize(("results", "status"), [([GOOD], "partial"), ([EMPTY], "failed"), ([], "failed")])
def test_trouble_with_the_whole_job(results: list[object], status: str) -> None:
    assert verdict(results, TROUBLE) == (status, TROUBLE)  # type: ignore[arg-type]


def test_coverage_counts_what_succeeded() -> None:
    coverage = coverage_of((0.0, 176.0), [GOOD, EMPTY, chunk_result(2, 116, 176)])
    assert coverage.gaps == [[60.0, 116.0]]
    assert (coverage.covered_seconds, coverage.total_seconds) == (120.0, 176.0)


@pytest.mark.parametrize("code", list(ErrorCode))
def test_whether_trying_again_helps_is_said_by_the_code(code: ErrorCode) -> None:
    for kind in (TransientError, PermanentError):
        assert error_info(kind(code, "So.")) == ErrorInfo(code=code, message="So.", retryable=CODES[code].transient)


def test_reference_leaves_places_to_the_stream() -> None:
    ref = reference(EMPTY)
    assert (ref.chunk_index, ref.success, ref.error_code) == (1, False, ErrorCode.OUTPUT_EMPTY)
    assert (ref.partition, ref.offset, ref.event_id) == (None, None, None)


@given(st.lists(st.tuples(*[st.integers(0, 10**6)] * 3), max_size=20))
def test_tokens_add_up(parts: list[tuple[int, int, int]]) -> None:
    total = sum_tokens([Tokens(vision=a, prompt=b, completion=c) for a, b, c in parts])
    assert total.vision + total.prompt + total.completion == sum(map(sum, parts))


def test_timings_add_up_by_field() -> None:
    one = Timings(fetch=1, decode=2, wait=3, first_token=4, generate=5)
    assert sum_timings([one, one]) == Timings(fetch=2, decode=4, wait=6, first_token=8, generate=10)
    assert sum_timings([]) == Timings()
