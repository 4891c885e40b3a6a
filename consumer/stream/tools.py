"""What all partitions of an I/O thread share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from consumer.events.codec import EventCodec
from consumer.events.topics import Topics
from consumer.settings import Settings
from consumer.stream.records import RecordWriter
from consumer.stream.values import Workers
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.since import Since
from consumer.telemetry.tracing import NO_TRACING, Tracing


@dataclass(frozen=True, slots=True)
class Tools:
    """The clients, the rooms and the clock of one I/O thread."""

    settings: Settings
    topics: Topics
    consumer: Consumer
    admin: AdminClient
    codec: EventCodec
    records: RecordWriter
    workers: Workers
    metrics: Metrics
    open_transaction: Since
    clock: Callable[[], float]
    serve: Callable[[], None]
    """Polls the consumer once without waiting (callbacks run, a record is kept for later)."""
    forget: Callable[[int], None]
    """Drops what was polled of a partition and kept for later: a seek makes it untrue."""
    tracing: Tracing = NO_TRACING
