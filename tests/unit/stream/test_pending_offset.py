"""An offset that the coordinator keeps back for ever: after a while the log is believed instead."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from consumer.events.topics import Topics
from consumer.settings import Settings
from consumer.stream import effects as do
from consumer.stream import machine, partition
from consumer.stream.fencing import FencingError, PendingOffsetError
from consumer.stream.machine import Phase
from consumer.stream.metadata import Progress
from consumer.stream.partition import DOUBT_SECONDS, OwnedPartition
from consumer.stream.tools import Tools
from tests.unit.stream.builders import chunk, job, record
from tests.unit.stream.steps import RUN_ID, commit, only, running

DOUBTFUL = do.Fenced(offset=5, progress=None, verify_below=9, results_end=100, doubtful=True)


def test_an_idle_partition_then_asks_the_log_about_every_record_there_is() -> None:
    state, _ = machine.fenced(machine.assigned(3, 1, 3)[0], DOUBTFUL)
    assert state.phase is Phase.IDLE
    _, effects = commit(machine.arrived(state, record(5), job()))
    assert only(effects, do.ReadBack).results_from is None, "the final result may be there: the pending offset said so"


def test_the_starts_that_were_counted_stay_counted() -> None:
    third = Progress(run_id=RUN_ID, attempt=3)
    state, _ = machine.fenced(machine.assigned(3, 1, 3)[0], replace(DOUBTFUL, progress=third))
    state, effects = machine.arrived(state, record(5), job())
    assert only(effects, do.ReadBack).results_from is None
    assert state.work is not None
    assert state.work.rejection is not None, "a fourth start of three"


def test_a_job_in_work_is_looked_up_as_a_whole_its_final_result_too() -> None:
    state, _ = machine.computed(running(), (chunk(0),))
    state, _ = machine.broken(state, fenced_out=False)
    _, effects = commit(machine.fenced(state, DOUBTFUL))
    assert only(effects, do.ReadBack).results_from is None


@pytest.mark.parametrize(("failure", "believed"), [(PendingOffsetError, True), (FencingError, False)])
def test_it_is_waited_for_and_then_doubted_but_only_if_it_is_pending(
    failure: type[FencingError], believed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    time, doubts = [100.0], list[bool]()

    def fence(_: Any, __: int, *, doubtful: bool) -> Any:
        doubts.append(doubtful)
        if not doubtful:
            raise failure("not now")
        return SimpleNamespace(drop=lambda: None), do.Fenced(None, None, 0, 0, doubtful=True)

    monkeypatch.setattr(partition, "fence", fence)
    tools = SimpleNamespace(
        settings=Settings.model_validate({}),
        topics=Topics(),
        consumer=SimpleNamespace(pause=lambda _: None, seek=lambda _: None),
        forget=lambda _: None,
        clock=lambda: time[0],
    )
    owned = OwnedPartition(cast(Tools, tools), 3, 1)
    began = time[0]
    while time[0] < began + 4 * DOUBT_SECONDS and owned.state.phase is Phase.FENCING:
        owned.carry_out()
        time[0] += 0.5
    assert any(doubts) is believed
    if believed:
        assert owned.state.phase is Phase.IDLE
        assert time[0] - began > DOUBT_SECONDS
        assert owned.state.progress == Progress()


def test_one_lost_answer_long_ago_is_no_pending_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    time, doubts = [100.0], list[bool]()

    def fence(_: Any, __: int, *, doubtful: bool) -> Any:
        doubts.append(doubtful)
        raise PendingOffsetError("not now")

    monkeypatch.setattr(partition, "fence", fence)
    tools = SimpleNamespace(
        settings=Settings.model_validate({}),
        topics=Topics(),
        consumer=SimpleNamespace(pause=lambda _: None),
        clock=lambda: time[0],
    )
    owned = OwnedPartition(cast(Tools, tools), 3, 1)
    for _ in range(3):
        owned.carry_out()
        time[0] += 10 * DOUBT_SECONDS
    assert doubts == [False, False, True]
