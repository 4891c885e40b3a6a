"""Which frames are wanted, found from packets in decoding order, equals what looking at all frames would say."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from consumer.media.clock import StreamClock
from consumer.media.sampling import Pictures, WantedFrames, select


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[int, int]]:
    """(pts, dts) in decoding order; every packet is decoded before it is shown."""
    count = draw(st.integers(1, 60))
    gaps = draw(st.lists(st.integers(1, 40), min_size=count, max_size=count))
    shown = list(itertools.accumulate(gaps))
    depth = draw(st.integers(0, 5))
    order = sorted(range(count), key=lambda k: k + draw(st.integers(-depth, 0)))
    decoding = sorted(shown)
    late = max((decoding[place] - shown[k] for place, k in enumerate(order)), default=0)
    return [(shown[k], decoding[place] - late) for place, k in enumerate(order)]


@given(stream=streams(), limits=st.lists(st.integers(0, 2500), min_size=1, max_size=40, unique=True).map(sorted))
def test_the_newest_frame_not_after_each_time(stream: list[tuple[int, int]], limits: list[int]) -> None:
    wanted = WantedFrames(limits)
    shown = sorted(pts for pts, _ in stream)
    truth = {shown[place - 1] for limit in limits if (place := bisect_right(shown, limit))}
    pending: list[int] = []
    for pts, dts in stream:
        wanted.see(pts, dts)
        pending.append(pts)
        while pending and wanted.decided(pending[0]):
            first = pending.pop(0)
            assert wanted.wanted(first) == (first in truth), "decided early, and rightly"
        if wanted.complete:
            break
    for pts in pending:
        assert wanted.wanted(pts) == (pts in truth)


def test_nothing_is_held_past_the_end_of_the_data() -> None:
    wanted = WantedFrames([10, 20, 30, 40])
    wanted.see(5, 5)
    wanted.see(18, 18)
    wanted.cut_off(22)
    assert wanted.newest == [5, 18, 30, 40]


def test_pictures_that_stay_on_show_and_pictures_that_are_lost() -> None:
    pictures = Pictures()
    pictures.stamps.extend([0, 20])
    pictures.add([0, None, 20, 30], {0: 0, 2: 1})
    assert pictures.rows == [0, 0, 1, None]
    pictures.stamps.append(50)
    pictures.add([20, 50], {1: 2})
    assert pictures.rows == [0, 0, 1, None, None, 2]


@given(st.lists(st.integers(0, 1), min_size=4, max_size=40), st.sets(st.integers(0, 39)))
def test_a_selection_is_even_and_in_order(steps: list[int], lost: set[int]) -> None:
    rows = [None if k in lost else row for k, row in enumerate(itertools.accumulate(steps))]
    chosen = select(rows)
    shown = [row for row in rows if row is not None]
    if chosen is None:
        assert len(shown) < 4
        return
    assert len(chosen.rows) >= 4
    assert len(chosen.rows) % 2 == 0
    if chosen.held_at is None:
        assert all(before < after for before, after in itertools.pairwise(chosen.rows))
    else:
        assert len(set(shown)) < 4
        assert set(chosen.rows) == set(shown), "every picture is there"
        assert all(before < after for before, after in itertools.pairwise(chosen.held_at))
        assert [rows[k] for k in chosen.held_at] == list(chosen.rows)


@given(
    first=st.integers(-(2**40), 2**40), base=st.sampled_from([1, 25, 1000, 10240, 90000]), ticks=st.integers(0, 2**33)
)
def test_the_clock_goes_both_ways(first: int, base: int, ticks: int) -> None:
    clock = StreamClock(first, Fraction(1, base), False)
    seconds = clock.seconds(first + ticks)
    assert first + ticks <= clock.latest(seconds) <= first + ticks + base // 1000 + 1
