"""Writes dead letters to the jobs topic and, in the same transaction, down that it did.

What a crash leaves is undone by the broker; whoever comes next under the same transactional id fences the one before.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from consumer.client.problems import RedriveError
from consumer.client.redriven import Redriven, TooScatteredError, decode, encode
from consumer.errors import ConfigurationError
from consumer.events.dead_letters import DeadLetter, redrive_headers
from consumer.events.topics import Topics
from consumer.settings import Settings
from consumer.stream.clients import producer_config, reader_config
from consumer.stream.outcomes import Verdict
from consumer.stream.refusals import DESCRIBE
from consumer.stream.rights import require_group
from consumer.stream.transaction import Failed, Message, TransactionalWriter, stopped
from consumer.stream.unavailable import BrokerErrors, made, unavailable

_log = structlog.get_logger(__name__)

# What one transaction holds at most.
BATCH_RECORDS, BATCH_BYTES = 500, 4_000_000
COMMITTED_SECONDS = 2.0
# A transaction that a crash left open is ended by its successor within a second or two.
PENDING_SECONDS = 15.0


def redrive_group(settings: Settings) -> str:
    """The group whose committed offsets tell what was sent again."""
    return f"{settings.kafka_group_id}.redrive"


class PendingError(Exception):
    """The offsets cannot be told for now.

    After a broker was killed between a commit and its markers they stay so, until the next transaction of the same id.
    """


@dataclass(slots=True)
class Batch:
    """What of one partition goes into the next transaction.

    Args:
        known: what was sent before.
    """

    partition: int
    known: Redriven
    letters: list[DeadLetter] = field(default_factory=list)
    size: int = 0
    waiting: int | None = None

    @property
    def full(self) -> bool:
        return len(self.letters) >= BATCH_RECORDS or self.size >= BATCH_BYTES

    def add(self, letter: DeadLetter) -> None:
        self.letters.append(letter)
        self.size += len(letter.value or b"")

    def passed_over(self, letter: DeadLetter) -> None:
        """This one is not sent; the first of them is where the committed offset stays."""
        self.waiting = letter.offset if self.waiting is None else self.waiting

    def after(self, position: int) -> Redriven:
        """What has been sent once this batch is, all before `position` having been looked at."""
        first = position if self.waiting is None else self.waiting
        return self.known.with_more((letter.offset for letter in self.letters), first)

    def sent(self, known: Redriven) -> None:
        self.known, self.letters, self.size = known, [], 0


class GroupOffsets:
    """The committed offsets of the group `redrive_group`.

    Args:
        stable: wait for a transaction that is about to move them.
    """

    def __init__(self, settings: Settings, *, stable: bool) -> None:
        self._settings, self._stable = settings, stable
        self._topic = Topics(settings.kafka_topic_prefix).dead_letters
        self._errors = BrokerErrors()
        config = reader_config(settings) | {
            "group.id": redrive_group(settings),
            "isolation.level": "read_committed" if stable else "read_uncommitted",
            "error_cb": self._errors,
        }
        self.consumer = made(lambda: Consumer(config))

    def committed(self, partitions: Collection[int]) -> dict[int, Redriven | None]:
        """By partition; None where the group remembers nothing.

        Raises:
            PendingError: someone's transaction is about to move them, and does not end.
            KafkaUnavailableError: no broker answered, or it refuses this client.
        """
        places = [TopicPartition(self._topic, partition) for partition in partitions]
        deadline = time.monotonic() + PENDING_SECONDS
        while True:
            try:
                found = self.consumer.committed(places, timeout=COMMITTED_SECONDS)
                break
            except KafkaException:
                # The question only times out where one may not ask it.
                require_group(self._settings, redrive_group(self._settings), DESCRIBE)
                # A time-out is also how the client says that a transaction is pending.
                if self._errors.reason is None and self._stable and time.monotonic() > deadline:
                    raise PendingError from None
                if self._errors.refusal is not None or time.monotonic() > deadline:
                    raise unavailable(self._settings, PENDING_SECONDS, self._errors) from None
        return {
            at.partition: decode(at.offset, at.metadata) if at.error is None and at.offset >= 0 else None
            for at in found
        }


class Redriver:
    """One transactional producer, the same id for all that redrive this deployment's dead letters."""

    def __init__(self, settings: Settings, topics: Topics) -> None:
        self._settings, self._topics = settings, topics
        self.offsets = GroupOffsets(settings, stable=True)
        self._writer = self._made()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.drop()
        self.offsets.consumer.close()

    def fence(self) -> None:
        """Whoever had the same id before can commit nothing any more.

        Raises:
            ConfigurationError: the cluster refuses this client.
            RedriveError: no coordinator answers.
        """
        failed = self._writer.init()
        if failed is not None:
            raise _refused(self._settings, failed)

    def send(self, batch: Batch, position: int) -> Iterator[DeadLetter]:
        """Carry out one transaction, unless there is nothing to send; hands out what was sent once it is committed.

        Args:
            position: all before this offset has been looked at.

        Raises:
            RedriveError: not committed, or not known to be: what is not so will be sent by the next call.
        """
        if not batch.letters:
            return
        after = batch.after(position)
        try:
            metadata = encode(after)
        except TooScatteredError:
            raise RedriveError(
                f"The dead letters of partition {batch.partition} that were sent again lie too far apart to be "
                f"remembered: send {batch.partition}/{after.first} and its successors first, or move the offset of "
                f"the group {redrive_group(self._settings)} past those that are settled."
            ) from None
        at = TopicPartition(self._topics.dead_letters, batch.partition, after.first, metadata)
        group = self.offsets.consumer.consumer_group_metadata
        done = self._writer.transact([self._message(letter) for letter in batch.letters], lambda: ([at], group()))
        if isinstance(done, Failed):
            raise _refused(self._settings, done)
        if done.suspect:
            # Its commit counts, its next one might end half done.
            self._writer.drop()
            self._writer = self._made()
            self.fence()
        yield from batch.letters
        batch.sent(after)

    def _message(self, letter: DeadLetter) -> Message:
        # Never older than the dead letter: a reading from its time on must find it, whatever clocks say.
        now = max(time.time_ns() // 1_000_000, letter.timestamp)
        return Message(self._topics.jobs, letter.partition, letter.key, letter.value, redrive_headers(letter), now)

    def _serve(self) -> None:
        with contextlib.suppress(KafkaException):
            self.offsets.consumer.poll(0)

    def _made(self) -> TransactionalWriter:
        identity = f"{redrive_group(self._settings)}.{self._topics.dead_letters}"
        return TransactionalWriter(producer_config(self._settings, identity), between_tries=self._serve, failed=_report)


def _report(failed: Failed) -> None:
    _log.warning("redrive_failed", call=failed.call.value, verdict=failed.verdict.value, reason=failed.message)


def _refused(settings: Settings, failed: Failed) -> RedriveError | ConfigurationError:
    if failed.verdict is Verdict.STOP:
        return stopped(settings, failed, redrive_group(settings), Topics(settings.kafka_topic_prefix).jobs)
    if failed.verdict is Verdict.FENCED:
        return RedriveError("Another `dlq redrive` began meanwhile and has taken over; look at what is left after it.")
    if failed.verdict is Verdict.REFUSED:
        return RedriveError(
            f"Kafka does not take the records: {failed.message}; raise KAFKA_PRODUCER_MESSAGE_MAX_BYTES or the topic's "
            "max.message.bytes."
        )
    return RedriveError(
        f"Not everything was sent ({failed.call.value}: {failed.message}); give the command again: what was sent is "
        "not sent twice."
    )
