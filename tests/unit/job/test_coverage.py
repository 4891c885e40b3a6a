from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.job.coverage import covered_seconds, find_gaps

SECONDS = st.integers(0, 400).map(lambda quarter: quarter / 4)
SPANS = st.lists(st.tuples(SECONDS, SECONDS).filter(lambda span: span[0] < span[1]), max_size=12)


@given(SECONDS, st.integers(1, 400), SPANS)
def test_every_moment_is_either_described_or_in_a_gap(
    start: float, quarters: int, described: list[tuple[float, float]]
) -> None:
    whole = (start, start + quarters / 4)
    gaps = find_gaps(whole, described)
    for number in range(quarters):
        moment = start + number / 4 + 0.125
        in_gap = any(first <= moment < last for first, last in gaps)
        is_described = any(first <= moment < last for first, last in described)
        assert in_gap != is_described


@given(SECONDS, st.integers(1, 400), SPANS)
def test_gaps_are_in_order_apart_and_inside(start: float, quarters: int, described: list[tuple[float, float]]) -> None:
    whole = (start, start + quarters / 4)
    gaps = find_gaps(whole, described)
    edges = [edge for gap in gaps for edge in gap]
    assert edges == sorted(set(edges))
    assert all(whole[0] <= edge <= whole[1] for edge in edges)
    assert covered_seconds(whole, gaps) + sum(last - first for first, last in gaps) == pytest.approx(
        whole[1] - whole[0]
    )


def test_neighbours_overlap_covers_a_failed_chunk_in_part() -> None:
    assert find_gaps((0.0, 178.0), [(0.0, 60.0), (116.0, 178.0)]) == ((60.0, 116.0),)


def test_nothing_described_is_one_gap() -> None:
    assert find_gaps((5.0, 9.0), []) == ((5.0, 9.0),)
    assert covered_seconds((5.0, 9.0), [(5.0, 9.0)]) == 0.0
