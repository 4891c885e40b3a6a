"""A job whose user asks for a stop, at every moment of its partition's life."""

from __future__ import annotations

from consumer.errors import ErrorCode
from consumer.stream import effects as do
from consumer.stream import machine
from consumer.stream.machine import Phase
from consumer.stream.values import Rejection
from tests.unit.stream.builders import final, job, record
from tests.unit.stream.steps import commit, idle, only, running


def test_a_running_job_that_is_cancelled_is_concluded_by_its_workers_once() -> None:
    state, effects = machine.cancelled(running())
    assert effects == (do.StopJob(),)
    assert state.phase is Phase.RUNNING
    assert machine.cancelled(state) == (state, ()), "a second request changes nothing"
    _, effects = machine.concluded(state, final(status="cancelled", code=ErrorCode.CANCELLED))
    last = only(effects, do.Transact)
    assert (last.offset, last.final is not None) == (6, True)


def test_a_job_that_is_cancelled_before_it_started_starts_only_to_be_concluded() -> None:
    state, effects = machine.arrived(idle(), record(5), job())
    state, none = machine.cancelled(state)
    assert none == ()
    _, effects = commit((state, effects))
    assert [type(effect) for effect in effects] == [do.Start, do.StopJob]


def test_a_request_outlives_a_producer_that_had_to_be_thrown_away() -> None:
    state, _ = machine.broken(machine.arrived(idle(), record(5), job())[0], fenced_out=False)
    state, _ = machine.cancelled(state)
    state, effects = commit(machine.fenced(state, do.Fenced(5, None, 9, 100)))
    only(effects, do.ReadBack)
    _, effects = machine.recovered(state, (), finished=False)
    assert [type(effect) for effect in effects] == [do.Start, do.StopJob]


def test_cancelling_nothing_or_a_rejected_record_changes_nothing() -> None:
    assert machine.cancelled(idle()) == (idle(), ())
    rejected, _ = machine.arrived(idle(), record(5), Rejection(ErrorCode.EVENT_INVALID, "no", "job", "decode"))
    assert machine.cancelled(rejected) == (rejected, ())
