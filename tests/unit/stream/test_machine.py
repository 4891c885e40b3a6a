"""The life of one partition, step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consumer.errors import ErrorCode
from consumer.stream import effects as do
from consumer.stream import machine
from consumer.stream.machine import Phase, State
from consumer.stream.metadata import Progress
from consumer.stream.values import Published, Rejection
from tests.unit.stream.builders import chunk, final, job, record
from tests.unit.stream.steps import RUN_ID, commit, idle, only, running


def test_an_assigned_partition_is_paused_and_fenced_before_anything_is_read() -> None:
    state, effects = machine.assigned(3, 1, 3)
    assert effects == (do.Pause(), do.Fence())
    assert state.phase is Phase.FENCING


def test_after_fencing_it_reads_on_from_the_committed_offset() -> None:
    state, effects = machine.fenced(machine.assigned(3, 1, 3)[0], do.Fenced(5, Progress(), 9, 100))
    assert state.phase is Phase.IDLE
    assert effects == (do.Seek(5), do.Resume())
    assert state.progress.verify_below == 0, "known metadata says by itself what has to be verified"


def test_without_metadata_everything_that_lay_there_may_have_been_done_before() -> None:
    state, effects = machine.fenced(machine.assigned(3, 1, 3)[0], do.Fenced(None, None, 9, 100))
    assert effects[0] == do.Seek(None)
    assert state.progress.verify_below == 9


def test_a_claim_counts_the_attempt_and_leaves_the_offset_where_it_is() -> None:
    _, effects = machine.arrived(idle(), record(5), job())
    claim = only(effects, do.Transact)
    assert claim.offset == 5
    assert claim.progress == Progress(run_id=RUN_ID, attempt=1, results_from=100)
    assert (claim.chunks, claim.final, claim.rejection) == ((), None, None)
    assert effects[0] == do.Pause()


def test_a_fresh_job_starts_without_reading_anything_back() -> None:
    state, effects = commit(machine.arrived(idle(), record(5), job()))
    start = only(effects, do.Start)
    assert state.phase is Phase.RUNNING
    assert (start.assignment.attempt, start.assignment.run_id, start.assignment.recovered) == (1, RUN_ID, {})


def test_the_second_attempt_reads_back_what_the_first_committed() -> None:
    before = Progress(run_id=RUN_ID, attempt=1, results_from=40, done=frozenset({0, 1}))
    state, effects = commit(machine.arrived(idle(before), record(5), job()))
    assert state.phase is Phase.RECOVERING
    assert only(effects, do.ReadBack).results_from == 40
    found = (Published(chunk(0), 3, 41), Published(chunk(1), 3, 43))
    state, effects = machine.recovered(state, found, finished=False)
    start = only(effects, do.Start).assignment
    assert start.attempt == 2
    assert start.recovered == {0: chunk(0), 1: chunk(1)}
    assert all(one.result.response is None for one in _published(state)), "texts are not kept twice"


def test_a_crash_before_the_first_chunk_needs_no_reading() -> None:
    before = Progress(run_id=RUN_ID, attempt=1, results_from=40)
    _, effects = commit(machine.arrived(idle(before), record(5), job()))
    assert only(effects, do.Start).assignment.attempt == 2


def test_chunks_that_are_ready_together_share_a_transaction_with_the_unchanged_offset() -> None:
    step = machine.computed(running(), (chunk(2), chunk(0)))
    transact = only(step[1], do.Transact)
    assert [one.chunk_index for one in transact.chunks] == [2, 0]
    assert transact.offset == 5
    assert transact.progress.done == frozenset({0, 2})
    assert transact.progress.plan_digest == "plan"
    state, effects = commit(step)
    assert effects == ()
    assert [(one.result.chunk_index, one.offset) for one in _published(state)] == [(2, 100), (0, 101)]


def test_a_chunk_that_is_published_is_not_published_again() -> None:
    state, _ = commit(machine.computed(running(), (chunk(0),)))
    state, effects = machine.computed(state, (chunk(0),))
    assert effects == ()


def test_the_final_waits_for_the_chunks_and_moves_the_offset() -> None:
    step = machine.computed(running(), (chunk(0),))
    state, effects = machine.concluded(step[0], final())
    assert only(effects, do.Transact).chunks, "chunks that are ready go first"
    state, effects = commit((state, effects))
    transact = only(effects, do.Transact)
    assert state.phase is Phase.FINISHING
    assert (transact.offset, transact.final, transact.progress) == (6, final(), Progress())
    state, effects = commit((state, effects))
    assert state.phase is Phase.IDLE
    assert state.work is None
    assert effects == (do.Concluded(record(5), final(), None), do.Resume())


def test_the_next_job_begins_behind_what_was_published() -> None:
    state, _ = commit(machine.computed(running(), (chunk(0), chunk(1))), first=500)
    state, _ = commit(machine.concluded(state, final()))
    _, effects = machine.arrived(state, record(6), job())
    assert only(effects, do.Transact).progress.results_from == 502


def test_what_cannot_be_decoded_goes_to_the_dead_letters_with_the_offset() -> None:
    rejection = Rejection(ErrorCode.EVENT_UNDECODABLE, "no", None, "decode")
    step = machine.arrived(idle(), record(5), rejection)
    transact = only(step[1], do.Transact)
    assert (transact.offset, transact.rejection, transact.final) == (6, rejection, None)
    state, effects = commit(step)
    assert state.phase is Phase.IDLE
    assert only(effects, do.Concluded).rejection == rejection


def test_a_job_that_ends_its_worker_every_time_is_dead_lettered_with_its_chunks() -> None:
    before = Progress(run_id=RUN_ID, attempt=3, results_from=40, done=frozenset({0}))
    state, effects = machine.arrived(idle(before), record(5), job("poison"))
    assert only(effects, do.ReadBack).results_from == 40
    _, effects = machine.recovered(state, (Published(chunk(0), 3, 41),), finished=False)
    transact = only(effects, do.Transact)
    assert transact.rejection is not None
    assert transact.rejection.code is ErrorCode.ATTEMPTS_EXHAUSTED
    assert transact.rejection.job_id == "poison"
    assert [one.result.chunk_index for one in transact.published] == [0]
    assert transact.offset == 6


def test_a_record_below_the_reset_is_looked_up_by_its_time_and_skipped_when_finished() -> None:
    state, effects = commit(machine.arrived(idle(Progress(verify_below=9)), record(5), job()))
    assert only(effects, do.ReadBack).results_from is None
    state, effects = machine.recovered(state, (Published(chunk(0), 3, 41),), finished=True)
    transact = only(effects, do.Transact)
    assert (transact.offset, transact.final, transact.rejection) == (6, None, None)
    state, effects = commit((state, effects))
    assert state.phase is Phase.IDLE
    assert state.progress.verify_below == 9, "the next record below the reset is looked up, too"
    assert not [one for one in effects if isinstance(one, do.Concluded)]


def test_behind_the_reset_nothing_is_looked_up() -> None:
    state, _ = commit(machine.arrived(idle(Progress(verify_below=5)), record(5), job()))
    assert state.phase is Phase.RUNNING
    last = machine.arrived(idle(Progress(verify_below=6)), record(5), job())
    skipped, _ = machine.recovered(commit(last)[0], (), finished=True)
    assert commit((skipped, _))[0].progress.verify_below == 0


def test_progress_of_another_record_is_not_believed() -> None:
    other = Progress(run_id="someone else's", attempt=2, results_from=1, done=frozenset({0, 1}))
    _, effects = machine.arrived(idle(other), record(5), job())
    assert only(effects, do.Transact).progress == Progress(run_id=RUN_ID, attempt=1, results_from=100)


def test_a_broken_producer_is_replaced_while_the_work_goes_on() -> None:
    after_chunk_0 = Progress(run_id=RUN_ID, attempt=1, results_from=100, done=frozenset({0}))
    state, effects = machine.computed(running(), (chunk(0),))
    state, effects = machine.broken(state, fenced_out=False)
    assert effects == (do.Fence(),)
    state, effects = machine.computed(state, (chunk(1),))
    assert effects == (), "computed chunks wait until it is known what happened"
    state, effects = machine.fenced(state, do.Fenced(5, after_chunk_0, 0, 101))
    claim = only(effects, do.Transact)
    assert (claim.offset, claim.progress.attempt) == (5, 1), "our own trouble is no crash of the job"
    state, effects = commit((state, effects))
    assert only(effects, do.ReadBack).results_from == 100
    state, effects = machine.recovered(state, (Published(chunk(0), 3, 100),), finished=False)
    assert [one.chunk_index for one in only(effects, do.Transact).chunks] == [1], "chunk 0 had been committed"
    assert not [one for one in effects if isinstance(one, do.Start)]


def test_a_final_whose_commit_was_uncertain_is_not_sent_twice() -> None:
    state, _ = machine.concluded(running(), final())
    state, _ = machine.broken(state, fenced_out=False)
    state, effects = machine.fenced(state, do.Fenced(6, Progress(), 0, 101))
    assert state.phase is Phase.IDLE
    assert only(effects, do.Concluded).final == final()
    assert effects[-2:] == (do.Seek(6), do.Resume())


def test_a_suspect_commit_counts_but_its_producer_does_not() -> None:
    state, effects = commit(machine.computed(running(), (chunk(0),)), suspect=True)
    assert state.phase is Phase.FENCING
    assert effects == (do.Fence(),)
    assert [one.result.chunk_index for one in _published(state)] == [0]


def test_a_suspect_claim_does_not_lose_the_start() -> None:
    state, effects = commit(machine.arrived(idle(), record(5), job()), suspect=True)
    assert effects == (do.Fence(),)
    state, effects = machine.fenced(state, do.Fenced(5, state.progress, 0, 101))
    state, effects = commit((state, effects))
    state, effects = machine.recovered(state, (), finished=False)
    assert only(effects, do.Start).assignment.attempt == 1


def test_a_suspect_final_leaves_the_partition_idle_after_a_new_fence() -> None:
    state, effects = commit(machine.concluded(running(), final()), suspect=True)
    assert only(effects, do.Concluded).final == final()
    state, effects = machine.fenced(state, do.Fenced(6, Progress(), 0, 101))
    assert effects == (do.Seek(6), do.Resume())


def test_fenced_twice_in_a_row_ends_the_process() -> None:
    state, effects = machine.broken(running(), fenced_out=True)
    assert effects == (do.Fence(),)
    state, effects = machine.fenced(state, do.Fenced(5, state.progress, 0, 101))
    assert machine.broken(state, fenced_out=True)[1] == (do.Cancel(), do.Drop(), do.Exit(3))
    state, _ = commit((state, effects))
    assert machine.broken(state, fenced_out=True)[1] == (do.Fence(),), "a commit in between starts the count anew"


def test_an_uncertain_commit_is_no_fencing() -> None:
    state = running()
    for _ in range(5):
        state, effects = machine.broken(state, fenced_out=False)
        assert effects == (do.Fence(),)


def test_a_revoked_partition_takes_its_work_away_and_writes_nothing() -> None:
    state, effects = machine.revoked(machine.computed(running(), (chunk(0),))[0])
    assert effects == (do.Cancel(), do.Drop())
    assert state.phase is Phase.GONE


@pytest.mark.parametrize("offset", [None, 5, 2])
def test_offsets_that_someone_moved_back_do_not_unsettle_the_work(offset: int | None) -> None:
    state, _ = machine.broken(running(), fenced_out=False)
    state, effects = machine.fenced(state, do.Fenced(offset, None, 0, 101))
    assert only(effects, do.Transact).offset == 5


def _published(state: State) -> tuple[Published, ...]:
    assert state.work is not None
    return state.work.published


def test_states_are_values() -> None:
    state = running()
    machine.computed(state, (chunk(0),))
    assert state == replace(state)
    assert state.work is not None
    assert state.work.ready == ()


def test_a_claim_after_a_lost_answer_keeps_the_chunks_that_were_committed_all_the_same() -> None:
    """Else a crash right after the claim would leave metadata that says: nothing to look for."""
    state, effects = machine.computed(running(), (chunk(0),))
    lost = only(effects, do.Transact)
    state, _ = machine.broken(state, fenced_out=False)
    _, effects = machine.fenced(state, do.Fenced(5, lost.progress, 9, 101))
    claim = only(effects, do.Transact)
    assert claim.progress.done == frozenset({0})
    assert claim.progress == lost.progress
