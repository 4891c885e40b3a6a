"""Right, wrong and missed lines are counted as a person would count them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.demo.score import Score, compare, tellable
from consumer.demo.sentences import Event, Told
from consumer.demo.world import write_script

ENTERS = Event(11.9, "enters", "red", "circle", side="left")
STOPS = Event(13.9, "stops", "red", "circle")
STOPS_AGAIN = Event(14.9, "stops", "red", "circle")


def told(event: Event, off: float = 0.3) -> Told:
    return Told(round(event.time + off, 1), event.sentence)


def test_all_right() -> None:
    score, pairs = compare([told(ENTERS), told(STOPS)], [ENTERS, STOPS])
    assert score == Score(2, 2, 2)
    assert (score.recall, score.precision) == (1.0, 1.0)
    assert pairs == [(ENTERS, told(ENTERS)), (STOPS, told(STOPS))]


@pytest.mark.parametrize(("off", "right"), [(0.5, 1), (-0.5, 1), (0.6, 0), (-0.6, 0)])
def test_half_a_second_is_the_limit(off: float, right: int) -> None:
    score, _ = compare([told(STOPS, off)], [STOPS])
    assert score == Score(1, 1, right)


def test_another_word_is_wrong_and_its_event_missed() -> None:
    wrong = Told(12.2, "a red square enters from the left")
    score, pairs = compare([wrong], [ENTERS])
    assert score == Score(1, 1, 0)
    assert pairs == [(ENTERS, None), (None, wrong)]


def test_a_line_told_twice_is_right_once() -> None:
    score, _ = compare([told(ENTERS), told(ENTERS)], [ENTERS])
    assert score == Score(1, 2, 1)


def test_the_same_sentence_a_second_later_is_another_event() -> None:
    score, pairs = compare([told(STOPS_AGAIN), told(STOPS)], [STOPS, STOPS_AGAIN])
    assert score == Score(2, 2, 2)
    assert pairs[0] == (STOPS, told(STOPS))


def test_nothing_told_of_nothing_is_right() -> None:
    score, _ = compare([], [])
    assert (score.recall, score.precision) == (1.0, 1.0)
    assert str(Score(4, 2, 1)) == "recall 25.0% (1 of 4 events told), precision 50.0% (1 of 2 lines right)"
    assert Score(4, 2, 1) + Score(1, 1, 1) == Score(5, 3, 2)


def test_a_chunk_tells_neither_its_first_second_nor_what_comes_after_its_last_frame() -> None:
    events = [Event(second - 0.1, "stops", "red", "circle") for second in (18, 19, 37, 38)]
    assert [event.time for event in tellable(events, 18, 38, 2)] == [18.9, 36.9]


@given(st.integers(0, 2**32), st.integers(20, 200))
def test_chunks_that_overlap_tell_every_event(seed: int, seconds: int) -> None:
    script = write_script(seed, seconds)
    chunks = [(start, min(start + 20, seconds)) for start in range(0, max(seconds - 2, 1), 18)]
    seen = {event for start, end in chunks for event in tellable(script.events, start, end, 2)}
    assert seen == set(script.events)


@given(st.lists(st.floats(0, 100).map(lambda x: round(x, 1)), max_size=20))
def test_counts_never_exceed_what_there_is(times: list[float]) -> None:
    lines = [Told(time, STOPS.sentence) for time in times]
    score, pairs = compare(lines, [STOPS, STOPS_AGAIN])
    assert score.told == len(lines) and score.right <= min(2, len(lines))
    assert len(pairs) == 2 + len(lines) - score.right
