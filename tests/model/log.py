"""One partition: records, control markers, and the offset up to which every transaction is decided and marked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

Place = tuple[str, int]
"""Topic and partition."""

Headers = list[tuple[str, bytes | None]]


class Outcome(Enum):
    """What the coordinator decided."""

    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(eq=False, slots=True)
class Transaction:
    """One transaction at its coordinator; `places` are those that wait for its marker.

    Args:
        offsets: of the group, by input partition: offset and metadata; pending until the markers are written.
        owner: which assignment of which process it belongs to.
    """

    identity: str
    owner: object
    outcome: Outcome = Outcome.OPEN
    places: dict[Place, None] = field(default_factory=dict)
    offsets: dict[int, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A record, or a control marker; `transaction` is None for what was written without one."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    transaction: Transaction | None
    control: bool = False


class PartitionLog:
    """Entries by offset."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._unmarked: dict[Transaction, int] = {}

    @property
    def end(self) -> int:
        """The uncommitted end."""
        return len(self.entries)

    @property
    def stable_end(self) -> int:
        """The last stable offset: the first one of any transaction without its marker, else the end."""
        return min(self._unmarked.values(), default=self.end)

    def append(
        self, timestamp: int, key: bytes | None, value: bytes | None, headers: Headers, transaction: Transaction | None
    ) -> int:
        """Returns the record's offset."""
        if transaction is not None:
            self._unmarked.setdefault(transaction, self.end)
        self.entries.append(Entry(self.end, timestamp, key, value, headers, transaction))
        return self.end - 1

    def mark(self, transaction: Transaction, timestamp: int) -> None:
        """Write the marker of a decided transaction."""
        del self._unmarked[transaction]
        self.entries.append(Entry(self.end, timestamp, None, None, [], transaction, control=True))

    def read(self, start: int, end: int, *, committed_only: bool) -> Iterator[Entry]:
        """The records in [start, end) that a reader gets."""
        for entry in self.entries[start:end]:
            aborted = entry.transaction is not None and entry.transaction.outcome is Outcome.ABORTED
            if not entry.control and not (committed_only and aborted):
                yield entry

    def decided(self) -> Iterator[Entry]:
        """All committed records, also those behind the last stable offset."""
        for entry in self.read(0, self.end, committed_only=True):
            if entry.transaction is None or entry.transaction.outcome is Outcome.COMMITTED:
                yield entry

    def at_time(self, timestamp: int) -> int | None:
        """The first record's offset that is not older."""
        return next(
            (entry.offset for entry in self.entries if not entry.control and entry.timestamp >= timestamp), None
        )
