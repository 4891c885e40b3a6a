"""The transaction coordinator: producer epochs, one transaction at a time for each id, markers written afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.model.log import Outcome, Place, Transaction


class FencedError(Exception):
    """The producer's epoch is not the current one."""


class InvalidStateError(Exception):
    """There is no transaction that could be ended this way."""


@dataclass(frozen=True, slots=True)
class EndRequest:
    """EndTxn as it travels: it names id and epoch, not the transaction that it was meant for."""

    identity: str
    epoch: int
    commit: bool


class TransactionCoordinator:
    """Args:
    write_markers: makes the outcome of a decided transaction known to its partitions and to the group.
    decided: told of every outcome at the moment when it is fixed.
    """

    def __init__(self, write_markers: Callable[[Transaction], None], decided: Callable[[Transaction], None]) -> None:
        self._write_markers, self._decided = write_markers, decided
        self.epochs: dict[str, int] = {}
        self.markers_late = False
        self._current: dict[str, Transaction] = {}
        self._last: dict[str, Outcome] = {}

    @property
    def unfinished(self) -> list[Transaction]:
        """Open, or decided and without markers."""
        return list(self._current.values())

    def init(self, identity: str) -> int:
        """InitProducerId: abort what is open, finish what is decided, and fence every earlier epoch."""
        self._close(identity)
        self._last.pop(identity, None)
        self.epochs[identity] = self.epochs.get(identity, -1) + 1
        return self.epochs[identity]

    def take_part(self, identity: str, epoch: int, owner: object) -> Transaction:
        """The transaction to which a write of this producer belongs; the first write begins it."""
        self._check(identity, epoch)
        current = self._current.get(identity)
        if current is not None and current.outcome is not Outcome.OPEN:
            # CONCURRENT_TRANSACTIONS, until the markers of the one before are there; librdkafka waits by itself.
            self._settle(current)
            current = None
        if current is None:
            current = self._current[identity] = Transaction(identity, owner)
        return current

    def end(self, request: EndRequest) -> None:
        """EndTxn: ends whatever is open under the id and epoch, as the request wants it."""
        self._check(request.identity, request.epoch)
        wanted = Outcome.COMMITTED if request.commit else Outcome.ABORTED
        current = self._current.get(request.identity)
        if current is not None and current.outcome is Outcome.OPEN:
            self._decide(current, wanted)
        elif self._last.get(request.identity) is not wanted:
            raise InvalidStateError

    def expire(self, identity: str) -> None:
        """The broker's own time-out of an open transaction: aborted, its producer fenced."""
        self._close(identity)
        self.epochs[identity] += 1

    def settle(self) -> None:
        """Write all markers that are due."""
        for transaction in self.unfinished:
            if transaction.outcome is not Outcome.OPEN:
                self._settle(transaction)

    def _close(self, identity: str) -> None:
        current = self._current.get(identity)
        if current is not None and current.outcome is Outcome.OPEN:
            self._decide(current, Outcome.ABORTED)
        if current is not None and identity in self._current:
            self._settle(current)

    def _decide(self, transaction: Transaction, outcome: Outcome) -> None:
        transaction.outcome = self._last[transaction.identity] = outcome
        self._decided(transaction)
        if not self.markers_late:
            self._settle(transaction)

    def _settle(self, transaction: Transaction) -> None:
        del self._current[transaction.identity]
        self._write_markers(transaction)

    def _check(self, identity: str, epoch: int) -> None:
        if self.epochs.get(identity) != epoch:
            raise FencedError


def writes_to(transaction: Transaction, place: Place) -> None:
    """AddPartitionsToTxn."""
    transaction.places[place] = None
