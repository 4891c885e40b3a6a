"""Records that were polled while another was in work are read again, each of them, in order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import TopicPartition

from consumer.events.topics import Topics
from consumer.settings import Settings
from consumer.stream import partition
from consumer.stream.effects import Fenced
from consumer.stream.partition import OwnedPartition
from consumer.stream.tools import Tools
from consumer.stream.transaction import Done
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.since import Since
from consumer.telemetry.tracing import NO_TRACING
from tests.unit.stream.builders import job, record


class Consumer:
    """Its position, whether it is to fetch, and nothing else."""

    position = 0
    fetching = False

    def consumer_group_metadata(self) -> None:
        """No group."""

    def pause(self, _: Any) -> None:
        """Nothing arrives by itself here."""

    def resume(self, _: Any) -> None:
        self.fetching = True

    def seek(self, where: TopicPartition) -> None:
        self.position = where.offset


@pytest.fixture
def consumer() -> Consumer:
    return Consumer()


@pytest.fixture
def forgotten() -> list[int]:
    return []


@pytest.fixture
def owned(consumer: Consumer, forgotten: list[int], monkeypatch: pytest.MonkeyPatch) -> OwnedPartition:
    """A partition whose next record is 5."""
    tools = SimpleNamespace(
        settings=Settings.model_validate({}),
        topics=Topics(),
        consumer=consumer,
        records=SimpleNamespace(messages=lambda _: []),
        workers=SimpleNamespace(start=lambda _: None),
        metrics=Metrics(),
        open_transaction=Since(lambda: 100.0),
        tracing=NO_TRACING,
        forget=forgotten.append,
        clock=lambda: 100.0,
    )
    writer = SimpleNamespace(transact=lambda *_: Done((), suspect=False), drop=lambda: None)
    monkeypatch.setattr(partition, "fence", lambda *_, **__: (writer, Fenced(5, None, 0, 0)))
    made = OwnedPartition(cast(Tools, tools), 3, 1)
    made.carry_out()
    return made


def polled(owned: OwnedPartition, *offsets: int) -> None:
    """Records come out of the client one after the other, before anything is carried out."""
    for offset in offsets:
        if not owned.stale(record(offset)):
            owned.postpone(record(offset), 0.0)


def test_several_records_that_cannot_be_taken_are_all_read_again(owned: OwnedPartition, consumer: Consumer) -> None:
    polled(owned, 5, 6, 7)
    owned.carry_out()
    assert consumer.position == 5
    assert not owned.stale(record(5))


def test_several_records_behind_the_one_in_work_are_all_read_again(owned: OwnedPartition, consumer: Consumer) -> None:
    owned.offer(record(5), job())
    polled(owned, 6, 7, 8)
    owned.carry_out()
    assert consumer.position == 6
    assert not owned.stale(record(6))


def test_a_seek_makes_what_was_polled_before_untrue(owned: OwnedPartition, forgotten: list[int]) -> None:
    forgotten.clear()
    polled(owned, 5)
    assert owned.stale(record(6)), "until the seek is carried out"
    owned.carry_out()
    assert forgotten == [3]


@pytest.mark.parametrize("position", [5, 9])
def test_to_fetch_is_to_go_to_the_next_record_for_that_wakes_the_client(
    owned: OwnedPartition, consumer: Consumer, position: int
) -> None:
    consumer.position = position
    owned.fetch()
    assert (consumer.fetching, consumer.position) == (True, 5), "wherever the client has got to on its own"
