"""When a step that failed is tried again: exponential backoff with jitter."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_SECONDS = 0.2
LONGEST_SECONDS = 5.0


class Backoff:
    """The waiting of one partition.

    Args:
        clock: monotonic seconds.
        draw: uniform in [0, 1): partitions that failed together do not come back together.
    """

    def __init__(self, clock: Callable[[], float], draw: Callable[[], float] = random.random) -> None:
        self._clock, self._draw = clock, draw
        self._at, self._step = 0.0, FIRST_SECONDS

    @property
    def over(self) -> bool:
        """Whether there is nothing to wait for (any more)."""
        return self._clock() >= self._at

    def failed(self) -> float:
        """Wait longer than the last time; returns the seconds, between half of the step and the step."""
        wait = self._step * (0.5 + 0.5 * self._draw())
        self._step = min(self._step * 2, LONGEST_SECONDS)
        self.wait(wait)
        return wait

    def wait(self, seconds: float) -> None:
        """Wait so long, whatever failed before."""
        self._at = self._clock() + seconds

    def succeeded(self) -> None:
        """The next failure waits shortly again."""
        self._step = FIRST_SECONDS
