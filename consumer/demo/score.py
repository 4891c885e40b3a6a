"""Compares what the model told with what the script says (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from consumer.demo.sentences import Event, Told

TOLERANCE = 0.5
"""Seconds by which a time in an answer may be off."""


@dataclass(frozen=True, slots=True)
class Score:
    """Counts: events that could be told, lines that were told, and lines that are right (each event counts once)."""

    expected: int
    told: int
    right: int

    @property
    def recall(self) -> float:
        """The share of the events that was told."""
        return self.right / self.expected if self.expected else 1.0

    @property
    def precision(self) -> float:
        """The share of the lines that is right."""
        return self.right / self.told if self.told else 1.0

    def __add__(self, other: Score) -> Score:
        return Score(self.expected + other.expected, self.told + other.told, self.right + other.right)

    def __str__(self) -> str:
        return (
            f"recall {self.recall:.1%} ({self.right} of {self.expected} events told), "
            f"precision {self.precision:.1%} ({self.right} of {self.told} lines right)"
        )


def tellable(events: Iterable[Event], start: float, end: float, fps: float) -> list[Event]:
    """The events that a chunk's frames show.

    The model looks at frames in pairs. What happened before the second frame has no "before" in the chunk, and what
    happens after the last frame is not in it; the neighbouring chunk, which overlaps, shows both.

    Args:
        start, end: the chunk's, seconds.
        fps: frames a second that were shown.
    """
    return [event for event in events if start + 1 / fps < event.time <= end - 1 / fps]


def compare(told: Sequence[Told], events: Sequence[Event]) -> tuple[Score, list[tuple[Event | None, Told | None]]]:
    """Match lines with events, one to one: the same sentence, at most half a second apart.

    Returns:
        The score, and the pairs in order of time: an event without a line was missed, a line without an event is wrong.
    """
    left = list(told)
    pairs: list[tuple[Event | None, Told | None]] = []
    for event in events:
        near = [line for line in left if line.sentence == event.sentence and _close(line.time, event.time)]
        best = min(near, key=lambda line: abs(line.time - event.time), default=None)
        if best is not None:
            left.remove(best)
        pairs.append((event, best))
    right = sum(line is not None for _, line in pairs)
    pairs += [(None, line) for line in left]
    return Score(len(events), len(told), right), sorted(pairs, key=_time)


def _close(one: float, other: float) -> bool:
    # The small margin is for decimals that are no binary fractions.
    return abs(one - other) <= TOLERANCE + 1e-6


def _time(pair: tuple[Event | None, Told | None]) -> float:
    event, line = pair
    return event.time if event is not None else line.time if line is not None else 0.0
