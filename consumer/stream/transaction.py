"""One transactional producer, and the small transaction that it carries out: begin, produce, send the offset, commit.

Nothing here waits without a deadline. A producer of which it is not known what its last call did is dropped, never
closed (`close()` aborts without a limit) and never used again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from consumer.errors import ConfigurationError
from consumer.settings import Settings
from consumer.stream.deadline import OverdueError, within
from consumer.stream.disconnects import DisconnectWatch
from consumer.stream.outcomes import Call, Verdict, classify
from consumer.stream.refusals import refusal

INIT_SECONDS = 10.0
FLUSH_SECONDS = 6.0
OFFSETS_SECONDS = 6.0
# How much longer than its time-out a call may take before it is given up together with its producer.
OVERDUE_SECONDS = 1.0
# Below socket.timeout.ms, so that librdkafka does not send EndTxn a second time by itself.
END_SECONDS = 6.0
# A commit that took longer, or lost a connection, may have been sent twice: it counts, its producer does not.
SLOW_COMMIT_SECONDS = 1.0
REGROUP_TRIES = 5


@dataclass(frozen=True, slots=True)
class Message:
    """One record to write."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    timestamp: int


@dataclass(frozen=True, slots=True)
class Done:
    """Committed; `offsets` of the messages in their order."""

    offsets: tuple[int, ...]
    suspect: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """Not committed, or not known to be; `verdict` is BROKEN, FENCED, EVICTED, REFUSED or STOP."""

    verdict: Verdict
    call: Call
    message: str


def stopped(
    settings: Settings, failed: Failed, group: str | None = None, topic: str | None = None
) -> ConfigurationError:
    """What ends a process after the verdict STOP.

    Args:
        group: instead of the workers', where the transactional id belongs to another.
        topic: that it writes to, where there is one only.
    """
    told = refusal(settings, failed.message, group, topic)
    return ConfigurationError(
        told or f"Kafka refused {failed.call.value}: {failed.message}; check the KAFKA_ settings."
    )


class _CallError(Exception):
    """A producer call failed; holds no traceback of librdkafka's own exception, which would keep the producer alive."""

    def __init__(self, call: Call, verdict: Verdict, message: str) -> None:
        super().__init__(message)
        self.call, self.verdict, self.message = call, verdict, message


Offsets = Callable[[], tuple[list[TopicPartition], Any] | None]
"""The offset to send and *fresh* group metadata, or None if the partition is not ours any more."""


class TransactionalWriter:
    """The producer of one input partition, from fencing to disposal.

    Args:
        config: librdkafka's settings, the transactional id among them.
        clock: monotonic seconds.
        between_tries: serves the consumer between two tries of the same transaction.
        failed: told of each try that failed.
    """

    def __init__(
        self,
        config: dict[str, Any],
        *,
        clock: Callable[[], float] = time.monotonic,
        between_tries: Callable[[], None],
        failed: Callable[[Failed], None],
    ) -> None:
        self._watch = DisconnectWatch(config["logger"])
        self._producer = Producer(config | {"logger": self._watch.logger})
        self._clock = clock
        self._between_tries, self._failed = between_tries, failed

    def init(self) -> Failed | None:
        """Fence whoever used this id before; takes 4 ms, or 0.5 to 1.5 s where a transaction was left open."""
        try:
            self._call(Call.INIT, INIT_SECONDS, self._producer.init_transactions)
        except _CallError as error:
            return Failed(error.verdict, error.call, error.message)
        return None

    def drop(self) -> None:
        """Forget the producer; what it had in flight is lost, or fenced by its successor."""
        self._producer.purge()
        del self._producer

    def transact(self, messages: Sequence[Message], offsets: Offsets) -> Done | Failed:
        """Write `messages` and the input offset in one transaction, trying again where that is known to be safe."""
        failed = Failed(Verdict.BROKEN, Call.BEGIN, "")
        for _ in range(REGROUP_TRIES):
            try:
                return self._once(messages, offsets)
            except _CallError as error:
                failed = Failed(error.verdict, error.call, error.message)
            if failed.verdict not in (Verdict.BROKEN, Verdict.FENCED, Verdict.STOP) and not self._abort():
                failed = Failed(Verdict.BROKEN, Call.ABORT, failed.message)
            self._failed(failed)
            if failed.verdict not in (Verdict.ABORT, Verdict.REGROUP):
                return failed
            self._between_tries()
        return Failed(Verdict.BROKEN, failed.call, failed.message)

    def _once(self, messages: Sequence[Message], offsets: Offsets) -> Done:
        self._call(Call.BEGIN, 0.0, lambda _: self._producer.begin_transaction())
        reports: dict[int, tuple[KafkaError | None, int]] = {}
        for index, message in enumerate(messages):
            self._call(Call.PRODUCE, FLUSH_SECONDS, partial(self._produce, message, index, reports))
        purged: str | None = None
        if messages:
            # Flushing before the offsets are sent spares the broker a concurrent AddPartitionsToTxn: half the latency.
            self._call(Call.PRODUCE, FLUSH_SECONDS, self._producer.flush)
            purged = self._check(reports, len(messages))
        sending = offsets()
        if sending is None:
            raise _CallError(Call.SEND_OFFSETS, Verdict.EVICTED, "the partition belongs to another member")
        positions, group = sending
        self._call(
            Call.SEND_OFFSETS,
            OFFSETS_SECONDS,
            partial(self._send_offsets, positions, group),
        )
        if purged is not None:
            raise _CallError(Call.PRODUCE, Verdict.BROKEN, purged)
        self._poll(0)
        started, disconnects = self._clock(), self._watch.count
        self._call(Call.COMMIT, END_SECONDS, self._producer.commit_transaction)
        seconds = self._clock() - started
        self._poll(0)
        suspect = seconds > SLOW_COMMIT_SECONDS or self._watch.count > disconnects
        return Done(tuple(reports[index][1] for index in range(len(messages))), suspect)

    def _produce(
        self, message: Message, index: int, reports: dict[int, tuple[KafkaError | None, int]], _: float
    ) -> None:
        def report(error: KafkaError | None, delivered: Any) -> None:
            reports[index] = (error, -1 if error is not None else delivered.offset())

        self._producer.produce(
            message.topic,
            value=message.value,
            key=message.key,
            partition=message.partition,
            headers=list(message.headers),
            timestamp=message.timestamp,
            on_delivery=report,
        )

    def _send_offsets(self, positions: list[TopicPartition], group: Any, left: float) -> None:
        within(
            left + OVERDUE_SECONDS,
            partial(self._producer.send_offsets_to_transaction, positions, group, left),
        )

    def _check(self, reports: dict[int, tuple[KafkaError | None, int]], expected: int) -> str | None:
        """A text: records were thrown away, since the transaction has failed, and the next call tells by what."""
        purged: str | None = None
        for error, _ in reports.values():
            if error is not None and error.code() == KafkaError._PURGE_QUEUE:
                purged = error.str()
            elif error is not None:
                verdict = classify(Call.PRODUCE, error)
                raise _CallError(Call.PRODUCE, Verdict.ABORT if verdict is Verdict.RETRY else verdict, error.str())
        if len(reports) != expected:
            raise _CallError(Call.PRODUCE, Verdict.BROKEN, "the records were not delivered in time")
        return purged

    def _poll(self, seconds: float) -> None:
        """Let the producer's callbacks run. A fatal error is raised here, too; the next call repeats it."""
        with contextlib.suppress(KafkaException):
            self._producer.poll(seconds)

    def _abort(self) -> bool:
        try:
            self._call(Call.ABORT, END_SECONDS, self._producer.abort_transaction)
        except _CallError:
            return False
        return True

    def _call(self, call: Call, seconds: float, function: Callable[[float], Any]) -> None:
        """Carry out one call, again where its error says so, until its deadline; raises `_CallError`."""
        deadline = self._clock() + seconds
        while True:
            left = max(0.0, deadline - self._clock())
            try:
                function(left)
                return
            except OverdueError:
                raise _CallError(call, Verdict.BROKEN, "it does not return") from None
            except (KafkaException, BufferError) as raised:
                if isinstance(raised, BufferError):
                    verdict, message = Verdict.RETRY, "the producer's queue is full"
                else:
                    error = raised.args[0]
                    verdict, message = classify(call, error), error.str()
            if verdict is Verdict.RETRY:
                if self._clock() < deadline:
                    self._poll(0.01)
                    continue
                verdict = Verdict.BROKEN
            raise _CallError(call, verdict, message)
