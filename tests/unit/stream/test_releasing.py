"""A partition that is given up in good order: the start of its job is none that its worker died of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consumer.errors import ErrorCode
from consumer.stream import effects as do
from consumer.stream import machine
from consumer.stream.machine import Phase, State
from consumer.stream.metadata import Progress
from tests.unit.stream.builders import chunk, job, record
from tests.unit.stream.steps import RUN_ID, commit, idle, only, running


def taken_over(progress: Progress) -> machine.Step:
    """The next owner of the partition finds this metadata, and the same record."""
    return machine.arrived(idle(progress), record(5), job())


def left_with(state: State) -> Progress:
    """The metadata that a partition leaves which is released."""
    return only(machine.released(state)[1], do.Transact).progress


def test_releasing_spares_the_start_and_keeps_what_was_done() -> None:
    state, _ = commit(machine.computed(running(), (chunk(0),)))
    step = machine.released(state)
    transact = only(step[1], do.Transact)
    assert (transact.offset, transact.chunks, transact.final, transact.rejection) == (5, (), None, None)
    expected = replace(state.progress, spared=1)
    assert transact.progress == expected
    assert (expected.attempt, expected.done) == (1, frozenset({0}))
    state, effects = commit(step)
    assert state.phase is Phase.GONE
    assert [type(effect) for effect in effects] == [do.Cancel, do.Drop]


def test_a_job_may_be_moved_as_often_as_one_likes() -> None:
    progress = Progress()
    for start in range(1, 20):
        state, _ = commit(taken_over(progress))
        assert state.work is not None
        assert (state.work.rejection, state.work.progress.attempt) == (None, start)
        progress = left_with(state)


def test_the_starts_that_were_not_spared_count_wherever_they_come() -> None:
    progress = left_with(running(Progress(run_id=RUN_ID, attempt=2, spared=1)))
    assert (progress.attempt, progress.spared) == (3, 2)
    for _ in range(2):
        state, _ = commit(taken_over(progress))
        assert state.phase is Phase.RUNNING
        progress = state.progress
    state, _ = taken_over(progress)
    assert state.work is not None
    assert state.work.rejection is not None, "one start of four was spared, a fourth that is not would be too many"
    assert state.work.rejection.code is ErrorCode.ATTEMPTS_EXHAUSTED


def test_a_job_that_gets_on_may_lose_its_worker_as_often_as_it_has_chunks() -> None:
    progress = Progress()
    for index in range(20):
        state, _ = commit(taken_over(progress))
        if state.phase is Phase.RECOVERING:
            state, _ = machine.recovered(state, (), finished=False)
        assert state.work is not None
        assert state.work.rejection is None
        progress = commit(machine.computed(state, (chunk(index),)))[0].progress
    assert (progress.attempt, progress.spared) == (20, 19)


def test_the_start_that_brought_a_chunk_counts_until_the_next_does() -> None:
    state, _ = commit(machine.computed(running(Progress(run_id=RUN_ID, attempt=4, spared=2)), (chunk(0),)))
    progress = state.progress
    assert (progress.attempt, progress.spared) == (5, 4)
    for _ in range(2):
        state, _ = commit(taken_over(progress))
        progress = state.progress
    state, _ = taken_over(progress)
    assert state.work is not None
    assert state.work.rejection is not None, "the fifth start and two more ended without a new chunk"


def test_while_the_log_is_read_back_it_is_released_as_well() -> None:
    state, _ = commit(taken_over(Progress(run_id=RUN_ID, attempt=1, results_from=40, done=frozenset({0}))))
    assert state.phase is Phase.RECOVERING
    assert left_with(state) == Progress(run_id=RUN_ID, attempt=2, results_from=40, done=frozenset({0}), spared=1)


@pytest.mark.parametrize(
    "state",
    [
        idle(),
        machine.broken(running(), fenced_out=False)[0],
        taken_over(Progress())[0],
        machine.arrived(idle(Progress(run_id=RUN_ID, attempt=3)), record(5), job())[0],
    ],
    ids=["idle", "without a producer", "not claimed yet", "dead-lettered"],
)
def test_where_nothing_can_or_need_be_written_nothing_is(state: State) -> None:
    assert machine.released(state) == (state, ())


def test_what_a_doubted_offset_says_of_chunks_is_not_believed_by_the_next_owner_either() -> None:
    state, _ = machine.broken(commit(machine.computed(running(), (chunk(0),)))[0], fenced_out=False)
    stale = do.Fenced(
        offset=5, progress=Progress(run_id=RUN_ID, attempt=1), verify_below=9, results_end=100, doubtful=True
    )
    claimed, _ = commit(machine.fenced(state, stale))
    _, effects = commit(taken_over(claimed.progress))
    assert only(effects, do.ReadBack).results_from is None
