"""The brokers together: logs, coordinators, requests that are still under way, and one clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

from consumer.events.topics import Topics
from tests.model.group import GroupCoordinator
from tests.model.log import Headers, Outcome, PartitionLog, Place, Transaction
from tests.model.transactions import EndRequest, FencedError, InvalidStateError, TransactionCoordinator, writes_to

PARTITIONS = 2
EPOCH_SECONDS = 1_700_000_000.0


class Cluster:
    """Args:
    strict: whether the group's generation is checked (classic protocol).
    """

    def __init__(self, *, strict: bool) -> None:
        self.topics = Topics()
        self.seconds = 0.0
        self.logs: defaultdict[Place, PartitionLog] = defaultdict(PartitionLog)
        self.group = GroupCoordinator(PARTITIONS, strict=strict)
        self.transactions = TransactionCoordinator(self._write_markers, self._decided)
        self.under_way: list[EndRequest] = []
        self.on_commit: Callable[[Transaction], None] = lambda _: None
        self.timeline: list[str] = []

    @property
    def milliseconds(self) -> int:
        return int((EPOCH_SECONDS + self.seconds) * 1000)

    def clock(self) -> float:
        """Monotonic seconds; all processes share them."""
        return self.seconds

    def tell(self, text: str) -> None:
        """One line of the story that is printed when the model finds something."""
        self.timeline.append(f"{self.seconds:8.2f} {text}")

    def produce(self, place: Place, value: bytes, key: bytes = b"", headers: Headers | None = None) -> int:
        """A write without a transaction; returns its offset."""
        return self.logs[place].append(self.milliseconds, key, value, headers or [], None)

    def write(
        self, transaction: Transaction, place: Place, timestamp: int, key: bytes | None, value: bytes | None,
        headers: Headers,
    ) -> int:  # fmt: skip
        """A write of a transaction; returns its offset."""
        writes_to(transaction, place)
        return self.logs[place].append(timestamp, key, value, headers, transaction)

    def pending(self, partition: int) -> bool:
        """Whether some transaction is about to move this input offset."""
        return any(partition in one.offsets for one in self.transactions.unfinished)

    def deliver_late(self, request: EndRequest) -> None:
        """An EndTxn that was believed lost arrives."""
        self.under_way.remove(request)
        with suppress(FencedError, InvalidStateError):
            self.tell(f"a late EndTxn of {request.identity} epoch {request.epoch} arrives")
            self.transactions.end(request)

    def _decided(self, transaction: Transaction) -> None:
        self.tell(f"{transaction.identity}: {transaction.outcome.value}, offsets {transaction.offsets}")
        if transaction.outcome is Outcome.COMMITTED:
            self.on_commit(transaction)

    def _write_markers(self, transaction: Transaction) -> None:
        for place in transaction.places:
            self.logs[place].mark(transaction, self.milliseconds)
        if transaction.outcome is Outcome.COMMITTED:
            self.group.offsets.update(transaction.offsets)
