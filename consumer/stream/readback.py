"""Reading what committed readers see of one job record: its chunk results, and whether its final event is there.

The end to read to is the *uncommitted* end of the partition, asked of the admin client after `init_transactions`. A
`read_committed` reader's own end-of-partition and watermarks are the last stable offset: with a stranger's open
transaction in the partition they come early, and committed chunks behind it would be published twice. Positions count
control and aborted records, so positions are compared; a message at end - 1 may never come.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from consumer.events.codec import EventCodec
from consumer.events.headers import JobPosition, event_id
from consumer.events.models import ChunkResult
from consumer.events.topics import Topics
from consumer.stream.refusals import of_no_matter
from consumer.stream.values import JobRecord, Published, received_headers

REQUEST_SECONDS = 5.0


def log_ends(admin: AdminClient, partitions: list[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """The uncommitted end of each (topic, partition).

    Raises:
        KafkaException: the broker did not answer in time.
    """
    return _list_offsets(admin, partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]


def log_starts(admin: AdminClient, partitions: list[tuple[str, int]], timestamp: int) -> dict[tuple[str, int], int]:
    """The first offset at or after `timestamp` (milliseconds since the epoch), or OFFSET_END where none is.

    Uncommitted, too: the committed answer stops at the last stable offset, and would miss what is behind it.

    Raises:
        KafkaException: the broker did not answer in time.
    """
    return _list_offsets(admin, partitions, OffsetSpec.for_timestamp(timestamp))


def _list_offsets(
    admin: AdminClient, partitions: list[tuple[str, int]], which: OffsetSpec
) -> dict[tuple[str, int], int]:
    asked = {TopicPartition(topic, number): which for topic, number in partitions}
    answers = admin.list_offsets(
        asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=REQUEST_SECONDS
    )
    try:
        return {
            (partition.topic, partition.partition): told(future.result(REQUEST_SECONDS + 1.0).offset)
            for partition, future in answers.items()
        }
    except TimeoutError:
        # librdkafka may be late with its own time-out, for example while it looks for another broker to ask.
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "the ends of the log are not told")) from None


def told(offset: int) -> int:
    """The offset, if it is one.

    For a partition whose leader's connection broke before the answer, librdkafka gives OFFSET_INVALID and no error. To
    take that for the end of a log would be to find nothing in it, and to publish all of it a second time.

    Raises:
        KafkaException: the broker did not answer.
    """
    if offset < OFFSET_END:
        raise KafkaException(KafkaError(KafkaError._TRANSPORT, "the connection broke before the offset was told"))
    return offset


class ReadBack:
    """One reading, carried on in slices so that nobody else's partition waits for it.

    Args:
        results_from: first offset of chunk-results that may be of this record; None: unknown, and both the chunk
            results and the final results are read from the record's timestamp on.
    """

    def __init__(
        self,
        *,
        config: dict[str, Any],
        admin: AdminClient,
        codec: EventCodec,
        topics: Topics,
        record: JobRecord,
        results_from: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._codec, self._clock = codec, clock
        position = JobPosition(record.topic, record.partition, record.offset)
        self._source = position.source.encode()
        self._final_id = event_id(record.topic, record.partition, record.offset, "final").encode()
        self._chunk_topic = topics.chunk_results
        self.finished = False
        self._found: dict[int, Published] = {}
        where = [(topics.chunk_results, record.partition)]
        if results_from is None:
            where.append((topics.results, record.partition))
            self._positions = log_starts(admin, where, max(record.timestamp, 0))
        else:
            self._positions = {where[0]: results_from}
        self._ends = log_ends(admin, where)
        self._reader = Consumer(config)
        self._reader.assign([TopicPartition(*key, offset) for key, offset in self._positions.items()])

    @property
    def published(self) -> tuple[Published, ...]:
        """The chunk results found so far, by index."""
        return tuple(self._found[index] for index in sorted(self._found))

    def advance(self, seconds: float) -> bool:
        """Read on for at most `seconds`; True once everything up to the end was seen."""
        deadline = self._clock() + seconds
        while not self._complete():
            left = deadline - self._clock()
            if left <= 0:
                return False
            for message in self._reader.consume(500, timeout=min(left, 0.05)):
                self._take(message)
            for one in self._reader.position([TopicPartition(*key) for key in self._ends]):
                if one.offset >= 0:
                    self._positions[one.topic, one.partition] = one.offset
        return True

    def close(self) -> None:
        """Leave; there is no group, so nothing is waited for."""
        self._reader.close()

    def _complete(self) -> bool:
        return all(
            end == 0 or self._positions[key] >= end or self._positions[key] == OFFSET_END
            for key, end in self._ends.items()
        )

    def _take(self, message: Any) -> None:
        error = message.error()
        if error is not None:
            if of_no_matter(error):
                return
            if error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            # Where retention removed everything from the start on, no record comes, and the consumer has no position.
            key = message.topic(), message.partition()
            self._positions[key] = max(self._positions[key], message.offset())
            return
        headers = dict(received_headers(message))
        if headers.get("ce_source") != self._source:
            return
        if message.topic() != self._chunk_topic:
            self.finished = self.finished or headers.get("ce_id") == self._final_id
            return
        result = self._codec.decode(ChunkResult, message.value())
        self._found.setdefault(result.chunk_index, Published(result, message.partition(), message.offset()))
