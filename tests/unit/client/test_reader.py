"""Reading committed results, on the broker that librdkafka has inside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from consumer.client.reader import Line, ResultReader
from consumer.demo.broker import EmbeddedBroker
from consumer.settings import Settings, load_settings
from consumer.stream.cluster import Place

PLACE = ("results", 0)
OTHER = ("results", 1)


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    """Of a broker whose topic `results` has three records in partition 0 and none in 1."""
    with EmbeddedBroker(["results"]) as broker:
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
        for number, key in enumerate((b"a", None, b"c")):
            value = str(number).encode() if number < 2 else None
            producer.produce("results", value, key, partition=0, headers=[("h", b"1")], timestamp=1_000)
        assert producer.flush(30) == 0
        yield load_settings(environment={"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers}).settings


def read(settings: Settings, positions: dict[Place, int]) -> list[Line]:
    """All lines up to the end of every place."""
    reader = ResultReader(settings, positions, 10)
    lines: list[Line] = []
    ends = 0
    try:
        while ends < len(positions):
            line = reader.poll(1.0)
            if line is not None:
                lines.append(line)
                ends += line.value is None
    finally:
        reader.close()
    return lines


def test_records_come_in_order_and_then_the_end(settings: Settings) -> None:
    lines = read(settings, {PLACE: 0})
    assert [(line.offset, line.key, line.value, line.null) for line in lines] == [
        (0, b"a", b"0", False),
        (1, None, b"1", False),
        # A record without a value is no end.
        (2, b"c", b"", True),
        (3, None, None, False),
    ]


def test_headers_and_time_come_along(settings: Settings) -> None:
    line = read(settings, {PLACE: 0})[0]
    assert line.headers == (("h", b"1"),)
    assert line.timestamp == 1_000


def test_it_begins_where_it_is_told_to(settings: Settings) -> None:
    assert [line.offset for line in read(settings, {PLACE: 2})] == [2, 3]


def test_every_place_has_its_end_even_an_empty_one(settings: Settings) -> None:
    lines = read(settings, {PLACE: 3, OTHER: 0})
    assert sorted((line.place, line.offset, line.value) for line in lines) == [(PLACE, 3, None), (OTHER, 0, None)]


def test_nothing_in_time_is_none(settings: Settings) -> None:
    reader = ResultReader(settings, {}, 10)
    try:
        assert reader.poll(0.01) is None
    finally:
        reader.close()


def test_silence_is_told_with_the_address(settings: Settings) -> None:
    reader = ResultReader(settings, {}, 10)
    try:
        error = str(reader.silent_for(30))
    finally:
        reader.close()
    assert settings.kafka_bootstrap_servers in error
    assert "did not answer within 30 s" in error
