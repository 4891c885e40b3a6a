"""What to do after a call of the transactional producer failed: one table, by the call first, then by the flags.

Source: the table in the protocol page and the measurements behind it. The order matters: a timed-out commit is
`retriable()` as well, and the abort that follows is refused with `_CONFLICT` in no time, also `retriable()`: a loop on
the flag alone spins, and a commit that "failed" was found committed in most cases.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from confluent_kafka import KafkaError


class Call(StrEnum):
    """The calls of a transactional producer."""

    INIT = "init_transactions"
    BEGIN = "begin_transaction"
    PRODUCE = "produce"
    SEND_OFFSETS = "send_offsets_to_transaction"
    COMMIT = "commit_transaction"
    ABORT = "abort_transaction"


class Verdict(StrEnum):
    """What the caller does next."""

    RETRY = "retry"
    """The same call again, until the step's deadline."""
    ABORT = "abort"
    """Abort, then the whole small transaction again."""
    REGROUP = "regroup"
    """Abort, serve the consumer, and if still the owner again with fresh group metadata."""
    REFUSED = "refused"
    """Abort; the same records will never be accepted (too large)."""
    EVICTED = "evicted"
    """Abort; this member was thrown out of the group: the partition is lost."""
    BROKEN = "broken"
    """What happened is unknown: drop the producer, make a new one with the same id, init, read back."""
    FENCED = "fenced"
    """Another producer with the same id took over, or this one is damaged for good."""
    STOP = "stop"
    """Credentials or rights are missing: nothing that is done here can help."""


class ErrorLike(Protocol):
    """The part of `confluent_kafka.KafkaError` that decides."""

    def code(self) -> int: ...
    def fatal(self) -> bool: ...
    def retriable(self) -> bool: ...
    def txn_requires_abort(self) -> bool: ...


_NO_RIGHTS = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)
_TOO_LARGE = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.RECORD_LIST_TOO_LARGE,
        KafkaError.OFFSET_METADATA_TOO_LARGE,
    }
)
_EVICTED = frozenset({KafkaError.UNKNOWN_MEMBER_ID, KafkaError.FENCED_INSTANCE_ID})
_STALE_GENERATION = frozenset({KafkaError.ILLEGAL_GENERATION, KafkaError.STALE_MEMBER_EPOCH})


def classify(call: Call, error: ErrorLike) -> Verdict:
    """The verdict on `error`, raised by `call`."""
    code = error.code()
    if code in _NO_RIGHTS:
        return Verdict.STOP
    if error.fatal() or code == KafkaError._FENCED:
        return Verdict.FENCED
    if code in _EVICTED:
        return Verdict.EVICTED
    if code in _TOO_LARGE:
        return Verdict.REFUSED
    if code in _STALE_GENERATION:
        return Verdict.REGROUP
    if call in (Call.COMMIT, Call.ABORT):
        return Verdict.ABORT if call is Call.COMMIT and error.txn_requires_abort() else Verdict.BROKEN
    if error.txn_requires_abort():
        return Verdict.ABORT
    if error.retriable():
        return Verdict.RETRY
    return Verdict.BROKEN
