"""Cancel requests: the compacted control topic, read by every worker from its beginning.

A request is about the job's records up to the request's own time: a job that is sent again under the same id later is
not meant. One that arrives while the job runs is meant whatever the clocks say.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumer.errors import TransientError
from consumer.events.codec import EventCodec, EventError
from consumer.events.models import CancelJob
from consumer.stream.backoff import Backoff
from consumer.stream.refusals import of_no_matter

_log = structlog.get_logger(__name__)

MOST_REQUESTS = 100_000
METADATA_SECONDS = 2.0


class CancelRequests:
    """Which jobs are not wanted any more; the oldest requests are forgotten beyond `most`."""

    def __init__(self, most: int = MOST_REQUESTS) -> None:
        self._most = most
        self._times: OrderedDict[str, int] = OrderedDict()

    def note(self, job_id: str, timestamp: int) -> None:
        """A request with this time stamp (ms since the epoch)."""
        self._times[job_id] = max(timestamp, self._times.pop(job_id, timestamp))
        if len(self._times) > self._most:
            self._times.popitem(last=False)

    def mean(self, job_id: str, record_timestamp: int) -> bool:
        """Whether the job in a record of that time is to be cancelled."""
        return self._times.get(job_id, -1) >= max(record_timestamp, 0)


class ControlReader:
    """Follows the control topic; for the I/O thread, never waits.

    Args:
        config: of a reader by `assign()` that tells ends of partitions.
        clock: monotonic seconds.
    """

    def __init__(self, config: dict[str, Any], topic: str, codec: EventCodec, clock: Callable[[], float]) -> None:
        # The broker answers as soon as there is a record; nobody else waits behind this long poll.
        self._consumer = Consumer(config | {"fetch.wait.max.ms": 500})
        self._topic, self._codec = topic, codec
        self._backoff = Backoff(clock)
        self._unread: set[int] | None = None
        self._undecoded: deque[Message] = deque()
        self.requests = CancelRequests()

    @property
    def caught_up(self) -> bool:
        """Whether all requests that stood in the topic at the start are known."""
        return self._unread is not None and not self._unread

    def poll(self) -> list[str]:
        """Take in what has come; returns the ids of jobs to cancel now."""
        if self._unread is None and not self._begin():
            return []
        if not self._undecoded:
            self._undecoded.extend(self._consumer.consume(100, timeout=0))
        fresh = []
        while self._undecoded and self._backoff.over:
            try:
                job_id = self._take(self._undecoded[0])
            except TransientError as failure:
                _log.warning("cancel_request_postponed", topic=self._topic, reason=failure.message)
                self._backoff.failed()
                break
            self._undecoded.popleft()
            if job_id is not None:
                fresh.append(job_id)
        return fresh

    def close(self) -> None:
        """Leave; there is no group, so nothing is waited for."""
        self._consumer.close()

    def _begin(self) -> bool:
        if not self._backoff.over:
            return False
        try:
            metadata = self._consumer.list_topics(self._topic, timeout=METADATA_SECONDS).topics[self._topic]
            if metadata.error is not None:
                raise KafkaException(metadata.error)
        except KafkaException as error:
            _log.warning("control_topic_unread", topic=self._topic, reason=str(error.args[0]))
            self._backoff.failed()
            return False
        self._unread = set(metadata.partitions)
        self._consumer.assign([TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in self._unread])
        return True

    def _take(self, message: Message) -> str | None:
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF and self._unread is not None:
                self._unread.discard(message.partition() or 0)
            elif error.code() != KafkaError._PARTITION_EOF and not of_no_matter(error):
                _log.warning("control_topic_error", topic=self._topic, reason=error.str())
            return None
        if message.value() is None:
            return None
        try:
            job_id = self._codec.decode(CancelJob, message.value()).job_id
        except EventError as failure:
            _log.warning(
                "cancel_request_ignored",
                topic=self._topic,
                partition=message.partition(),
                offset=message.offset(),
                reason=failure.message,
            )
            return None
        self.requests.note(job_id, message.timestamp()[1])
        return job_id if self.caught_up else None
