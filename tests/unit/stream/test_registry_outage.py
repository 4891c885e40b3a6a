"""A registry that is away when a result is to be written: the job waits, nothing is lost, the process lives."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.events.topics import Topics
from consumer.settings import Settings
from consumer.stream import partition
from consumer.stream.effects import Fenced, Transact
from consumer.stream.partition import OwnedPartition
from consumer.stream.tools import Tools
from consumer.stream.transaction import Done, Message
from consumer.stream.values import Assignment
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.since import Since
from consumer.telemetry.tracing import NO_TRACING
from tests.unit.stream.builders import chunk, job, record


class Workers:
    def __init__(self) -> None:
        self.started: list[Assignment] = []

    def start(self, assignment: Assignment) -> None:
        self.started.append(assignment)


class Writer:
    """Commits everything at once."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def transact(self, messages: Sequence[Message], offsets: Any) -> Done:
        self.written += [message.topic for message in messages]
        return Done(tuple(range(len(messages))), suspect=False)


class Records:
    """Encodes, unless the registry is in trouble."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.tries = 0

    def messages(self, effect: Transact) -> list[Message]:
        self.tries += 1
        if self.trouble is not None:
            raise self.trouble
        return [Message("chunks", 3, b"job", b"", [], 0) for _ in effect.chunks]


@pytest.mark.parametrize("trouble", [TransientError, PermanentError])
def test_a_result_that_cannot_be_encoded_is_written_when_the_registry_is_back(
    trouble: type[TransientError | PermanentError], monkeypatch: pytest.MonkeyPatch
) -> None:
    time, writer, records, workers, metrics = [100.0], Writer(), Records(), Workers(), Metrics()
    tools = SimpleNamespace(
        settings=Settings.model_validate({}),
        topics=Topics(),
        consumer=SimpleNamespace(pause=lambda _: None, seek=lambda _: None, consumer_group_metadata=lambda: None),
        records=records,
        workers=workers,
        metrics=metrics,
        open_transaction=Since(lambda: 100.0),
        tracing=NO_TRACING,
        forget=lambda _: None,
        clock=lambda: time[0],
    )
    monkeypatch.setattr(partition, "fence", lambda *_, **__: (writer, Fenced(0, None, 0, 0)))
    owned = OwnedPartition(cast(Tools, tools), 3, 1)
    owned.carry_out()
    owned.offer(record(), job())
    owned.carry_out()
    acknowledged: list[int] = []
    assert len(workers.started) == 1, "claimed and running"

    records.trouble = trouble(ErrorCode.EVENT_UNDECODABLE, "The schema registry does not answer.")
    owned.computed([(chunk(0), lambda: acknowledged.append(0))])
    tries = records.tries
    for _ in range(50):
        owned.carry_out()
        time[0] += 0.1
    assert 1 < records.tries - tries < 15, "tried again, at growing intervals"
    assert (writer.written, acknowledged, owned.gone) == ([], [], False)

    records.trouble = None
    time[0] += 10
    owned.carry_out()
    assert writer.written == ["chunks"], "once"
    assert acknowledged == [0]
