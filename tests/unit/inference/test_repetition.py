"""A loop at the end is found, in whatever place it began, and a list that goes round; lists and tables are none."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.inference.repetition import (
    LONGEST_UNIT,
    MIN_CHARACTERS,
    MIN_TIMES,
    ROUND_LINES,
    ROUND_TIMES,
    going_round,
    repeated_tail,
)


@pytest.mark.parametrize("unit", ["a", "the car, ", "A man walks. ", "x" * 39 + "\n"])
def test_a_loop_at_the_end(unit: str) -> None:
    times = max(MIN_TIMES, -(-MIN_CHARACTERS // len(unit))) + 3
    found = repeated_tail("It begins well. " + unit * times)
    assert found is not None
    assert found.times >= MIN_TIMES
    assert sorted(found.unit) == sorted(unit)


def test_the_last_unit_may_be_cut_off() -> None:
    assert repeated_tail("the red car goes left, " * 20 + "the red c") is not None


def test_a_loop_that_ended_is_an_answer() -> None:
    assert repeated_tail("the red car, " * 40 + "then it stops and a woman gets out of it.") is None


def test_a_list_of_the_same_at_rising_times_is_no_loop() -> None:
    assert repeated_tail("\n".join(f"[{second}.2s] the red circle stops" for second in range(10, 90))) is None


@pytest.mark.parametrize(("times", "found"), [(MIN_TIMES - 1, False), (MIN_TIMES, True)])
def test_how_often_is_a_loop(times: int, found: bool) -> None:
    unit = "a sentence of some length that comes again "
    assert (repeated_tail("Begin: " + (unit * times).strip()) is not None) is found


def test_a_few_dashes_are_no_loop() -> None:
    assert repeated_tail("Title\n" + "-" * (MIN_CHARACTERS - 1)) is None
    assert repeated_tail("Title\n" + "-" * MIN_CHARACTERS) is not None


def test_empty() -> None:
    assert repeated_tail("") is None
    assert repeated_tail("   \n") is None


@given(unit=st.text(min_size=1, max_size=60).filter(lambda text: text == text.strip() and text), start=st.text())
def test_every_loop_is_found(unit: str, start: str) -> None:
    times = max(MIN_TIMES, -(-MIN_CHARACTERS // len(unit))) + 1
    found = repeated_tail(start + unit * times)
    assert found is not None
    assert found.unit * found.times in start + unit * times + found.unit


@given(st.text(alphabet="ab ", max_size=400))
def test_what_is_found_is_there(text: str) -> None:
    found = repeated_tail(text)
    if found is not None:
        assert found.times >= MIN_TIMES
        assert found.unit * found.times in text


def test_the_longest_text_takes_no_time() -> None:
    text = ("ab" * LONGEST_UNIT + "c") * (MIN_TIMES + 1) * 10
    began = time.process_time()
    repeated_tail(text)
    assert time.process_time() - began < 1.0


def test_a_list_that_goes_round_with_another_word_now_and_then() -> None:
    """As the small model once put three chunks together: never the same nine lines twice, for 260 lines."""
    chance = random.Random(1)
    lines = ["marker 45"]
    for _ in range(28):
        one = [f"[{second}.2s] an orange star turns purple" for second in range(3, 12)]
        one[chance.randrange(9)] = f"[{chance.choice((5, 7))}.2s] a red star enters from the left"
        lines += one
    text = "\n".join(lines)
    assert repeated_tail(text) is None
    assert (going_round(text) or 0) > 9


def test_lines_that_differ_are_no_round() -> None:
    assert going_round("\n".join(f"[{second}.2s] the red circle stops" for second in range(10, 300))) is None
    assert going_round("") is None


@pytest.mark.parametrize(("lines", "found"), [(ROUND_LINES, None), (ROUND_LINES + 1, 8)])
def test_how_many_lines_are_a_round(lines: int, found: int | None) -> None:
    """The last one may be cut off, and counts for nothing."""
    assert going_round("\n".join(f"line {number % 8}" for number in range(lines))) == found


def test_how_many_different_lines_are_a_round() -> None:
    most = ROUND_LINES // ROUND_TIMES
    for different in (most, most + 1):
        text = "\n".join(f"line {number % different}" for number in range(2 * ROUND_LINES))
        assert (going_round(text) is not None) is (different == most)
