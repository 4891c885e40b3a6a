"""Reads committed results from given offsets on, without a consumer group."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, TopicPartition

from consumer.events.headers import Header
from consumer.settings import Settings
from consumer.stream.clients import reader_config
from consumer.stream.cluster import Place
from consumer.stream.refusals import READ, forbidden_topic, of_no_matter
from consumer.stream.unavailable import BrokerErrors, KafkaRefusedError, KafkaUnavailableError, made, unavailable
from consumer.stream.values import received_headers

# The longest silence of a broker that has records to hand out.
SILENCE_SECONDS = 30.0
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Line:
    """One record, or (`value` None) the news that a place was read up to `offset`, the end of what is committed.

    Args:
        value: empty for a record without one, which `null` tells.
        timestamp: milliseconds since the epoch.
    """

    place: Place
    offset: int
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[Header, ...] = ()
    timestamp: int = 0
    null: bool = False


class ResultReader:
    """A `read_committed` consumer that is assigned by hand.

    Args:
        positions: topic and partition to the offset to start from.
        fetch_wait_ms: how long a broker may hold an answer back when there is nothing new: low to reach the end
            quickly, high to follow idle topics cheaply.
    """

    def __init__(self, settings: Settings, positions: Mapping[Place, int], fetch_wait_ms: int) -> None:
        self._settings = settings
        self._errors = BrokerErrors()
        config = reader_config(settings) | {"fetch.wait.max.ms": fetch_wait_ms, "error_cb": self._errors}
        self._consumer = made(lambda: Consumer(config))
        self._consumer.assign([TopicPartition(*place, offset) for place, offset in positions.items()])

    def poll(self, seconds: float) -> Line | None:
        """The next line, or None when nothing came in time.

        Raises:
            KafkaUnavailableError: the cluster refuses this client or these topics.
        """
        message = self._consumer.poll(seconds)
        if self._errors.refusal is not None:
            raise self.silent_for(seconds)
        if message is None:
            return None
        place = (message.topic() or "", message.partition() or 0)
        error = message.error()
        if error is None:
            value = _bytes(message.value())
            return Line(
                place,
                message.offset() or 0,
                _bytes(message.key()),
                value or b"",
                tuple(received_headers(message)),
                message.timestamp()[1],
                value is None,
            )
        if error.code() == KafkaError._PARTITION_EOF:
            return Line(place, message.offset() or 0)
        if (
            error.retriable()
            or of_no_matter(error)
            or error.code() in (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT)
        ):
            return None
        if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise KafkaRefusedError(forbidden_topic(place[0], READ))
        raise KafkaUnavailableError(f"Kafka does not let {place[0]} be read: {error.str().rstrip('.')}.")

    def silent_for(self, seconds: float) -> KafkaUnavailableError:
        """What to raise when a broker that must answer did not."""
        return unavailable(self._settings, seconds, self._errors)

    def close(self) -> None:
        self._consumer.close()


def to_the_end(reader: ResultReader, places: Iterable[Place]) -> Iterator[Line]:
    """Records up to the end of every place, ends included; the places are those that the reader has.

    Raises:
        KafkaUnavailableError: as `ResultReader.poll`; or a broker that has records to hand out was silent for long.
    """
    unread = set(places)
    last = time.monotonic()
    while unread:
        line = reader.poll(_POLL_SECONDS)
        if line is None:
            if time.monotonic() - last > SILENCE_SECONDS:
                raise reader.silent_for(SILENCE_SECONDS)
            continue
        last = time.monotonic()
        if line.value is None:
            unread.discard(line.place)
        yield line


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
