"""Whether the engine gets on with what it was given, by its own count of steps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Look:
    progress: int
    since: float
    at: float


class Stillness:
    """How long nothing has moved; pure but for what it remembers of the last look.

    Args:
        limit: seconds; two looks that lie further apart tell nothing, as when the whole process was frozen in between.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._last = _Look(0, 0.0, 0.0)

    def look(self, *, busy: bool, progress: int, now: float) -> float:
        """Seconds since `progress` last changed while there was something to do; 0 while there is not.

        Args:
            progress: grows with every step that brings something on.
            now: monotonic seconds.
        """
        last = self._last
        moved = not busy or progress != last.progress or now - last.at > self._limit
        since = now if moved else last.since
        self._last = _Look(progress, since, now)
        return now - since
