"""Which seconds of the source were described, and which are missing (pure)."""

from __future__ import annotations

from collections.abc import Iterable

Span = tuple[float, float]


def find_gaps(whole: Span, described: Iterable[Span]) -> tuple[Span, ...]:
    """The parts of `whole` that lie in no described span, in order; all in seconds. Spans may overlap."""
    start, end = whole
    gaps: list[Span] = []
    reached = start
    for first, last in sorted(described):
        if min(first, end) > reached:
            gaps.append((reached, min(first, end)))
        reached = max(reached, last)
    if reached < end:
        gaps.append((reached, end))
    return tuple(gaps)


def covered_seconds(whole: Span, gaps: Iterable[Span]) -> float:
    """Seconds of `whole` outside the gaps; never negative, whatever rounding does."""
    return max(0.0, whole[1] - whole[0] - sum(end - start for start, end in gaps))
