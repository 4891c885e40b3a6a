"""Whether the engine gets on with what it was given, by its own count of steps."""

from __future__ import annotations

from dataclasses import dataclass

MOST_SECONDS = 10.0
"""What the time between two looks counts at most. They come every second: a longer time is one in which this whole
process was frozen, and saw nothing of its engine."""


@dataclass(frozen=True, slots=True)
class _Look:
    progress: int
    still: float
    at: float


class Stillness:
    """How long nothing has moved; pure but for what it remembers of the last look."""

    def __init__(self) -> None:
        self._last = _Look(0, 0.0, 0.0)

    def look(self, *, busy: bool, progress: int, now: float) -> float:
        """Seconds since `progress` last changed while there was something to do; 0 while there is not.

        Args:
            progress: grows with every step that brings something on.
            now: monotonic seconds.
        """
        last = self._last
        moved = not busy or progress != last.progress
        still = 0.0 if moved else last.still + min(now - last.at, MOST_SECONDS)
        self._last = _Look(progress, still, now)
        return still
