"""Which frames a plan's times mean, told from packets as they come and from frames as they are decoded (pure)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from consumer.media.frames import MIN_FRAMES


class WantedFrames:
    """For each wanted time the newest frame not after it, found while packets pass in decoding order.

    Time k means the frame with the greatest ticks <= limits[k]. The frames between two limits compete for the later
    one; where there is none, the picture of the time before is still on show. A decoding time stamp tells what cannot
    come any more: no later packet is shown before it. So a few packets of look-ahead are enough, without an index.

    Args:
        limits: ticks, strictly increasing.
    """

    def __init__(self, limits: Sequence[int]) -> None:
        self.limits = limits
        self.newest: list[int | None] = [None] * len(limits)
        self._passed: int | None = None

    def see(self, ticks: int | None, dts: int | None) -> None:
        """A packet came; `ticks` is when its frame is shown."""
        if dts is not None:
            self._passed = dts
        if ticks is None:
            return
        k = self.slot(ticks)
        if k < len(self.newest):
            best = self.newest[k]
            self.newest[k] = ticks if best is None else max(best, ticks)

    def slot(self, ticks: int) -> int:
        """The time that a frame competes for; len(limits): it comes after all of them."""
        return bisect_left(self.limits, ticks)

    def decided(self, ticks: int) -> bool:
        """Whether it is known if that frame is wanted."""
        k = self.slot(ticks)
        if k == len(self.limits) or self.newest[k] != ticks:
            return True
        return self._passed is not None and self._passed > self.limits[k]

    def wanted(self, ticks: int) -> bool:
        k = self.slot(ticks)
        return k < len(self.limits) and self.newest[k] == ticks

    def cut_off(self, end: int | None) -> None:
        """The data ended at `end` (ticks; None: there was none): what is wanted after it exists, but cannot be had."""
        for k, limit in enumerate(self.limits):
            if end is None or limit > end:
                self.newest[k] = limit

    @property
    def complete(self) -> bool:
        """Whether every frame that any time means has come."""
        return self._passed is not None and self._passed > self.limits[-1]


@dataclass(slots=True)
class Pictures:
    """What was decoded, and which of it is on show at each of the plan's times.

    Args:
        stamps: ticks of each picture (row of pixels), strictly increasing.
        rows: for each time the row on show; None: it could not be decoded.
    """

    stamps: list[int] = field(default_factory=list)
    rows: list[int | None] = field(default_factory=list)

    def add(self, newest: Sequence[int | None], decoded: Mapping[int, int]) -> None:
        """Append the times of one run, whose pictures are in `stamps` already.

        Args:
            newest: for each time the ticks of the newest frame that there is, None: no new one since the time before.
            decoded: the row by time.
        """
        first_new = min(decoded.values(), default=len(self.stamps))
        last_old = self.stamps[first_new - 1] if first_new else None
        for k, ticks in enumerate(newest):
            if k in decoded:
                self.rows.append(decoded[k])
            elif ticks is None or (last_old is not None and ticks <= last_old):
                self.rows.append(self.rows[-1] if self.rows else None)
            else:
                self.rows.append(None)


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows of pixels to hand over, and the moment of each: the picture's own, or that of a time where it is held."""

    rows: tuple[int, ...]
    held_at: tuple[int, ...] | None


def select(rows: Sequence[int | None]) -> Selection | None:
    """An even number of pictures, at least four; None: there are too few.

    Each picture is taken once. Where there are fewer than four, though at least four times have one on show (a still
    slide, a time lapse), four of these times are taken with what is on show then.
    """
    firsts = [k for k, row in enumerate(rows) if row is not None and row not in rows[:k]]
    if len(firsts) >= MIN_FRAMES:
        kept = firsts[: len(firsts) // 2 * 2]
        return Selection(tuple(row for k in kept if (row := rows[k]) is not None), None)
    shown = [k for k, row in enumerate(rows) if row is not None]
    if len(shown) < MIN_FRAMES:
        return None
    spread = [shown[round(index * (len(shown) - 1) / (MIN_FRAMES - 1))] for index in range(MIN_FRAMES)]
    others = [k for k in spread if k not in firsts]
    moments = tuple(sorted([*firsts, *others[: MIN_FRAMES - len(firsts)]]))
    return Selection(tuple(row for k in moments if (row := rows[k]) is not None), moments)
