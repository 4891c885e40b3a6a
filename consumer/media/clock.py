"""Ticks of a stream and seconds of source time (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

TOLERANCE = 0.00051
"""Seconds by which a frame may come after the moment it is taken for: containers round times to milliseconds, and plans
theirs to microseconds."""


@dataclass(frozen=True, slots=True)
class StreamClock:
    """Source time 0 is the first frame.

    Args:
        first: the first frame's time, ticks.
        time_base: seconds a tick.
        by_dts: AVI stores no presentation times; there the order of decoding is all there is.
    """

    first: int
    time_base: Fraction
    by_dts: bool

    def seconds(self, ticks: int) -> float:
        return float((ticks - self.first) * self.time_base)

    def latest(self, seconds: float) -> int:
        """The last tick at which a frame can begin to be on show at that time."""
        return self.first + math.floor(Fraction(seconds + TOLERANCE) / self.time_base)

    def ticks(self, seconds: float) -> int:
        """A length of time in ticks, at least one."""
        return max(1, round(Fraction(seconds) / self.time_base))
