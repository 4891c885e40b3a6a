"""The backlog in seconds of video: what is stated counts as it is, the rest by a mean, and it says which."""

from __future__ import annotations

import pytest

from consumer.stream.backlog import ASSUMED_SECONDS, Ahead, Backlog, backlog


@pytest.mark.parametrize(
    ("read", "unread", "mean", "found"),
    [
        pytest.param([], 0, None, Backlog(0, 0.0, 0.0, 0.0), id="nothing waits"),
        pytest.param([60.0, 30.0], 0, None, Backlog(2, 90.0, 0.0, 0.0), id="all stated"),
        pytest.param([60.0, None], 3, 100.0, Backlog(5, 60.0, 400.0, 0.0), id="the rest by the mean of those begun"),
        pytest.param([60.0, 20.0, None], 1, None, Backlog(4, 80.0, 80.0, 0.0), id="by the mean of those stated"),
        pytest.param([None], 1, None, Backlog(2, 0.0, 0.0, 2 * ASSUMED_SECONDS), id="nothing is known"),
    ],
)
def test_what_waits_in_seconds(read: list[float | None], unread: int, mean: float | None, found: Backlog) -> None:
    assert backlog(read, unread, mean) == found


def test_records_that_are_begun_wait_no_more() -> None:
    ahead = Ahead.of(5)
    for offset, seconds in [(5, 1.0), (7, None), (8, 3.0)]:
        ahead.read(offset, seconds)
    assert ahead.begun(8)
    assert (list(ahead.seconds), ahead.next) == ([(8, 3.0)], 9)
    assert ahead.begun(9)
    assert not ahead.seconds


def test_a_record_is_known_once() -> None:
    ahead = Ahead.of(0)
    for offset in (0, 1, 1, 0, 2):
        ahead.read(offset, None)
    assert [offset for offset, _ in ahead.seconds] == [0, 1, 2]


@pytest.mark.parametrize("first", [4, 8], ids=["back", "past what was read"])
def test_a_place_outside_of_what_was_read_asks_for_a_new_beginning(first: int) -> None:
    ahead = Ahead.of(5)
    ahead.read(6, None)
    assert not ahead.begun(first)
