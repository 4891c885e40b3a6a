"""A partition that is taken away leaves nothing behind: its job is cancelled, its producer dropped.

In good order it leaves what was computed, and the word that its job's start is not to be counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from consumer.events.topics import Topics
from consumer.settings import Settings
from consumer.stream import metadata, partition
from consumer.stream.effects import Fenced
from consumer.stream.fencing import FencingError
from consumer.stream.metadata import Progress
from consumer.stream.outcomes import Call, Verdict
from consumer.stream.partition import OwnedPartition
from consumer.stream.tools import Tools
from consumer.stream.transaction import Done, Failed
from consumer.stream.values import Assignment
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.since import Since
from consumer.telemetry.tracing import NO_TRACING
from tests.unit.stream.builders import chunk, job, record


class Workers:
    def __init__(self) -> None:
        self.running: set[tuple[int, int]] = set()

    def start(self, assignment: Assignment) -> None:
        self.running.add((assignment.partition, assignment.epoch))

    def cancel(self, partition: int, epoch: int) -> None:
        self.running.discard((partition, epoch))


class Writer:
    """Commits, or does what the test wants in place of it."""

    def __init__(self) -> None:
        self.instead: Callable[[], Failed] | None = None
        self.written: list[tuple[int, Progress | None]] = []
        self.dropped = False

    def transact(self, messages: Any, offsets: Any) -> Done | Failed:
        (position,), _ = offsets()
        self.written.append((len(messages), metadata.decode(position.metadata, position.offset)))
        return self.instead() if self.instead else Done(tuple(range(len(messages))), suspect=False)

    def drop(self) -> None:
        self.dropped = True


class Rig:
    """A partition with a job in work."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.workers, self.writer = Workers(), Writer()
        self.fencing = [(self.writer, Fenced(0, None, 0, 0))]
        tools = SimpleNamespace(
            settings=Settings.model_validate({}),
            topics=Topics(),
            consumer=SimpleNamespace(pause=lambda _: None, seek=lambda _: None, consumer_group_metadata=lambda: None),
            records=SimpleNamespace(messages=lambda effect: effect.chunks),
            workers=self.workers,
            metrics=Metrics(),
            open_transaction=Since(lambda: 100.0),
            tracing=NO_TRACING,
            serve=lambda: None,
            forget=lambda _: None,
            clock=lambda: 100.0,
        )
        monkeypatch.setattr(partition, "fence", self._fence)
        self.owned = OwnedPartition(cast(Tools, tools), 3, 1)
        self.owned.carry_out()
        self.owned.offer(record(), job())
        self.owned.carry_out()
        assert self.workers.running == {(3, 1)}

    def _fence(self, *_: Any, **__: Any) -> tuple[Writer, Fenced]:
        if not self.fencing:
            raise FencingError("the broker is away")
        return self.fencing.pop()

    def commit_fails(self, instead: Callable[[], Failed]) -> None:
        """The next commit, of a chunk, ends like this."""
        self.writer.instead = instead
        self.owned.computed([(chunk(0), lambda: None)])
        self.owned.carry_out()


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    return Rig(monkeypatch)


def test_while_it_waits_for_a_broker_to_come_back(rig: Rig) -> None:
    rig.commit_fails(lambda: Failed(Verdict.BROKEN, Call.COMMIT, "timed out"))
    assert rig.owned.waiting
    assert rig.workers.running
    rig.owned.revoke()
    assert (rig.workers.running, rig.owned.gone) == (set(), True)


def test_in_the_middle_of_a_transaction(rig: Rig) -> None:
    def lost() -> Failed:
        rig.owned.revoke()
        assert not rig.writer.dropped, "it is in use"
        return Failed(Verdict.EVICTED, Call.SEND_OFFSETS, "the partition belongs to another member")

    rig.commit_fails(lost)
    assert (rig.workers.running, rig.writer.dropped, rig.owned.gone) == (set(), True, True)


def test_in_good_order_what_is_computed_is_committed_and_the_start_is_spared(rig: Rig) -> None:
    rig.owned.computed([(chunk(0), lambda: None)])
    rig.owned.settle()
    (_, _), (chunks, after_chunk), (none, left) = rig.writer.written
    assert (chunks, none) == (1, 0)
    assert after_chunk is not None
    assert left == replace(after_chunk, spared=1)
    rig.owned.revoke()
    assert (rig.workers.running, rig.writer.dropped, rig.owned.gone) == (set(), True, True)


def test_without_a_producer_nothing_is_waited_for(rig: Rig) -> None:
    rig.commit_fails(lambda: Failed(Verdict.BROKEN, Call.COMMIT, "timed out"))
    before = len(rig.writer.written)
    rig.owned.settle()
    assert len(rig.writer.written) == before
    assert rig.workers.running
