"""Reads the jobs topic ahead of the work, so that the backlog is known in seconds of video.

In a thread and with a consumer of its own, since it may wait for a broker; it commits nothing and is in no group. It
reads a bounded number of records ahead in each partition; how many lie behind those it asks the broker.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from prometheus_client import Histogram

from consumer.events.headers import stated_seconds
from consumer.stream.backlog import Ahead, backlog
from consumer.stream.refusals import of_no_matter
from consumer.stream.values import received_headers
from consumer.telemetry.metrics import Metrics

_log = structlog.get_logger(__name__)

EVERY_SECONDS = 2.0
MOST_AHEAD = 1000
"""Records read ahead of the work in each partition."""

_BATCH = 500
_READ_SECONDS = 0.2
_ASK_SECONDS = 2.0
_CLOSE_SECONDS = 1.0


class BacklogWatch:
    """Keeps `backlog_jobs` and what waits in `backlog_video_seconds` up to date.

    Args:
        config: of a reader by `assign()`.
        topic: of the jobs.
        waiting_from: for each partition that this process owns, the offset from which on its records wait.
        every: seconds between two looks.
    """

    def __init__(
        self,
        config: dict[str, Any],
        topic: str,
        waiting_from: Callable[[], dict[int, int]],
        metrics: Metrics,
        every: float = EVERY_SECONDS,
    ) -> None:
        # Nobody is in a hurry: a long poll of the broker costs nothing. By default librdkafka fetches 64 MiB ahead.
        patient = {"fetch.wait.max.ms": 500, "enable.partition.eof": False, "queued.max.messages.kbytes": 1024}
        self._consumer = Consumer(config | patient)
        self._topic, self._waiting_from, self._metrics, self._every = topic, waiting_from, metrics, every
        self._ahead: dict[int, Ahead] = {}
        self._full: set[int] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="backlog", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more: what this process owned is the backlog of others now. Waits a little for a look under way."""
        self._stopped.set()
        self._thread.join(_CLOSE_SECONDS)

    def _watch(self) -> None:
        while not self._stopped.wait(self._every):
            try:
                self._look()
            except KafkaException as error:
                # The figures stay as they are: it is the broker that is away, and others tell of that.
                _log.debug("backlog_unknown", reason=str(error.args[0]))
        self._tell([], 0)
        self._consumer.close()

    def _look(self) -> None:
        self._follow(self._waiting_from())
        while not self._stopped.is_set() and self._ahead:
            messages = self._consumer.consume(_BATCH, timeout=_READ_SECONDS)
            for message in messages:
                self._take(message)
            self._hold()
            if len(messages) < _BATCH:
                break
        read = [seconds for one in self._ahead.values() for _, seconds in one.seconds]
        self._tell(read, sum(self._unread(number) for number in self._full))

    def _follow(self, places: dict[int, int]) -> None:
        """Read where the work is, and no more where it went on or was taken away."""
        known = {number: one for number, one in self._ahead.items() if number in places and one.begun(places[number])}
        ahead = {number: known.get(number) or Ahead.of(first) for number, first in places.items()}
        if ahead.keys() != self._ahead.keys() or len(known) < len(ahead):
            self._consumer.assign([TopicPartition(self._topic, number, one.next) for number, one in ahead.items()])
            self._full.clear()
        self._ahead = ahead
        if room := {number for number in self._full if len(ahead[number].seconds) < MOST_AHEAD // 2}:
            self._consumer.resume(self._at(room))
            self._full -= room

    def _take(self, message: Message) -> None:
        error, number = message.error(), message.partition() or 0
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF and not of_no_matter(error):
                _log.debug("backlog_unknown", partition=number, reason=error.str())
        elif number in self._ahead:
            self._ahead[number].read(message.offset() or 0, stated_seconds(received_headers(message)))

    def _hold(self) -> None:
        """Read no further where enough is known."""
        full = {number for number, one in self._ahead.items() if len(one.seconds) >= MOST_AHEAD} - self._full
        if full:
            self._consumer.pause(self._at(full))
            self._full |= full

    def _unread(self, number: int) -> int:
        """Records behind those that were read: what else lies in the log (aborted ones) counts as well."""
        (place,) = self._at({number})
        _, end = self._consumer.get_watermark_offsets(place, timeout=_ASK_SECONDS)
        return int(max(0, end - self._ahead[number].next))

    def _at(self, numbers: set[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, number) for number in numbers]

    def _tell(self, read: list[float | None], unread: int) -> None:
        found = backlog(read, unread, _mean(self._metrics.job_video_seconds))
        self._metrics.backlog_jobs.set(found.jobs)
        for basis, seconds in (("stated", found.stated), ("average", found.average), ("assumed", found.assumed)):
            self._metrics.backlog_video_seconds.labels(basis=basis).set(seconds)


def _mean(histogram: Histogram) -> float | None:
    """Of everything that was observed."""
    values = {
        sample.name.rpartition("_")[2]: sample.value for family in histogram.collect() for sample in family.samples
    }
    return values["sum"] / values["count"] if values["count"] else None
