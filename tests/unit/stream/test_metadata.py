"""The metadata string: what is written is read back, and what is not ours is no error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.stream.metadata import MAX_CHARACTERS, Progress, decode, encode

progresses = st.builds(
    Progress,
    run_id=st.uuids().map(str) | st.just(""),
    plan_digest=st.text("0123456789abcdef", max_size=64),
    attempt=st.integers(0, 1000),
    results_from=st.integers(0, 2**62),
    done=st.frozensets(st.integers(0, 2000), max_size=60) | st.none(),
    verify_below=st.integers(0, 2**62),
    spared=st.integers(0, 1000),
)


@given(progresses)
def test_progress_round_trips(progress: Progress) -> None:
    text = encode(progress, 7)
    assert text.isascii()
    assert decode(text, 7) == progress
    assert decode(text, 6) is None, "the group was reset by a tool that keeps the string"
    assert decode(text + "\0", 7) == progress, "confluent-kafka sends the string's NUL along, other readers see it"


def test_a_long_list_of_chunks_is_left_out_rather_than_refused_by_the_broker() -> None:
    every_second = Progress(run_id="r", attempt=2, done=frozenset(range(0, 40_000, 2)))
    text = encode(every_second, 2**40)
    assert len(text) <= MAX_CHARACTERS
    read = decode(text, 2**40)
    assert read is not None
    assert read.done is None
    assert read.has_chunks
    assert read.attempt == 2


def test_ten_hours_of_finished_chunks_are_short() -> None:
    assert len(encode(Progress(run_id="r" * 36, plan_digest="d" * 64, done=frozenset(range(620))), 2**40)) < 250


@pytest.mark.parametrize(
    "text",
    [None, "", "\0", "offset written by a person", "[]", "7", "{}", '{"v":2}', '{"v":1,"run":"x"}', "[" * 4000],
)
def test_what_is_not_ours_means_that_nothing_is_known(text: str | None) -> None:
    assert decode(text, 0) is None


@pytest.mark.parametrize("done", ["x", "3-1", "1-", "-5", "0-99999999"])
def test_a_damaged_list_of_chunks_is_not_believed(done: str) -> None:
    text = encode(Progress(run_id="r", done=frozenset({1})), 0).replace('"done":"1"', f'"done":"{done}"')
    assert done in text
    read = decode(text, 0)
    assert read is None or read.done == frozenset({1}), read


def test_idle_progress_has_no_chunks() -> None:
    assert not Progress().has_chunks
    assert Progress(done=frozenset({0})).has_chunks
