"""How much video waits in the partitions of a process: pure bookkeeping over what was read ahead of the work.

A job that waits counts with the seconds that its producer states. The others count with a mean, and the metric says how
many seconds are known in which way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

ASSUMED_SECONDS = 600.0
"""Of a job of which nothing is known, in a process that has begun none and read of none."""


@dataclass(slots=True)
class Ahead:
    """What is known of the records of one partition that wait.

    Args:
        first: offset from which on they wait.
        next: offset of the next one to be read.
        seconds: of those that were read: the offset, and what its producer states or None.
    """

    first: int
    next: int
    seconds: deque[tuple[int, float | None]] = field(default_factory=deque)

    @classmethod
    def of(cls, first: int) -> Ahead:
        """Nothing is read yet."""
        return cls(first, first)

    def read(self, offset: int, seconds: float | None) -> None:
        """A record was read; one that was known already, or is worked on by now, is passed over."""
        if offset >= self.next:
            self.seconds.append((offset, seconds))
            self.next = offset + 1

    def begun(self, first: int) -> bool:
        """The records below `first` wait no more. False: the place is not within what was read, so begin anew."""
        if not self.first <= first <= self.next:
            return False
        self.first = first
        while self.seconds and self.seconds[0][0] < first:
            self.seconds.popleft()
        return True


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: jobs, and seconds of video by how they are known (see `Metrics.backlog_video_seconds`)."""

    jobs: int
    stated: float
    average: float
    assumed: float


def backlog(read: Iterable[float | None], unread: int, mean: float | None) -> Backlog:
    """Sum up.

    Args:
        read: of the waiting records that were read, what each states.
        unread: further ones that wait, too many to be read ahead.
        mean: seconds of the jobs that this process has begun; None: it has begun none.
    """
    told = list(read)
    stated = [seconds for seconds in told if seconds is not None]
    silent = len(told) - len(stated) + unread
    if mean is None and stated:
        mean = sum(stated) / len(stated)
    return Backlog(
        jobs=len(told) + unread,
        stated=sum(stated),
        average=silent * mean if mean is not None else 0.0,
        assumed=silent * ASSUMED_SECONDS if mean is None else 0.0,
    )
