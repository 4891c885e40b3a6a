"""Sending dead letters again, with a scripted writer: what is looked at, what is believed, what is put together."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import pytest

from consumer.client import dead_letters
from consumer.client.dead_letters import DeadLetters, Selection
from consumer.client.redrive import Batch, PendingError
from consumer.client.redriven import Redriven
from consumer.errors import ErrorCode
from consumer.events.dead_letters import DeadLetter, redrive_headers
from tests.unit.cli.test_dlq import FakeTopic, install
from tests.unit.client.fakes import SETTINGS
from tests.unit.client.letters import letter


@dataclass(slots=True)
class FakeRedriver:
    """In place of the transactional writer; `pending`: the group's offsets cannot be told."""

    topic: FakeTopic
    pending: bool = False
    sent: list[tuple[int, list[int]]] = field(default_factory=list)

    def __call__(self, *_: Any) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    @property
    def offsets(self) -> Self:
        return self

    def fence(self) -> None:
        """There is nobody to fence."""

    def committed(self, partitions: Collection[int]) -> dict[int, Redriven | None]:
        if self.pending:
            raise PendingError
        return self.topic.committed(partitions)

    def send(self, batch: Batch, position: int) -> Iterator[DeadLetter]:
        if batch.letters:
            after = batch.after(position)
            self.sent.append((after.first, [one.offset for one in batch.letters]))
            yield from batch.letters
            batch.sent(after)


def redrive(monkeypatch: pytest.MonkeyPatch, topic: FakeTopic, **options: Any) -> list[tuple[int, list[int]]]:
    """What went into each transaction, and the first offset that was left open by it."""
    writer = FakeRedriver(topic, **options)
    monkeypatch.setattr(dead_letters, "Redriver", writer)
    chosen = Selection(codes=frozenset(["SOURCE_UNREACHABLE"]))
    list(DeadLetters(SETTINGS).redrive(chosen, send=True))
    return writer.sent


def test_full_batches_are_sent_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.client.redrive.BATCH_RECORDS", 2)
    topic = install(monkeypatch, *(letter(offset=number) for number in range(5)))
    assert redrive(monkeypatch, topic) == [(2, [0, 1]), (4, [2, 3]), (99, [4])]


def test_a_batch_is_full_by_its_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.client.redrive.BATCH_BYTES", 10)
    topic = install(monkeypatch, letter(offset=0), letter(offset=1))
    assert redrive(monkeypatch, topic) == [(1, [0]), (99, [1])]


def test_the_offset_stays_at_the_first_that_was_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    other = letter(offset=1, code=ErrorCode.SOURCE_NOT_FOUND)
    topic = install(monkeypatch, letter(offset=0), other, letter(offset=2))
    assert redrive(monkeypatch, topic) == [(1, [0, 2])]


def test_what_was_sent_before_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    topic = install(monkeypatch, *(letter(offset=number) for number in range(4)), redriven=Redriven(1, frozenset([2])))
    assert redrive(monkeypatch, topic) == [(99, [1, 3])]


def test_where_an_offset_is_pending_for_ever_the_jobs_topic_is_asked_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """So it was seen after a broker was killed between a commit and its markers."""
    letters = [letter(offset=number) for number in range(3)]
    made = DeadLetter("video.jobs", 1, 50, 1, b"k", b"v", tuple(redrive_headers(letters[1])))
    topic = install(monkeypatch, *letters, made, redriven=Redriven(0, frozenset([2])))
    assert redrive(monkeypatch, topic, pending=True) == [(99, [0])]
