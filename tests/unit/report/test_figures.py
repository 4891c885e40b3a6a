from __future__ import annotations

import pytest

from consumer.report.figures import clock, count, moment, share, size


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.96, "1:00"), (61.5, "1:01.5"), (3600, "1:00:00"), (36_061, "10:01:01")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (12_345, "12.3 kB"), (5 * 10**15, "5e+03 TB")]
)
def test_size(number: int, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"), [(1, 1, "100.0 %"), (9999, 10_000, "99.9 %"), (0, 5, "0.0 %"), (0, 0, "–")]
)
def test_a_hole_is_never_rounded_away(part: float, whole: float, text: str) -> None:
    assert share(part, whole) == text


def test_count_and_moment() -> None:
    assert count(1_234_567) == "1,234,567"
    assert moment(1_900_000_000_000) == "2030-03-17 17:46:40 UTC"
