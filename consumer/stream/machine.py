"""The life of one input partition as a pure function: (state, event) -> (state, effects).

FENCING -> IDLE -> CLAIMING -> RECOVERING -> RUNNING -> FINISHING -> IDLE, with DEAD_LETTERING for records that cannot
become work, RELEASING before a partition is given up in good order, and back to FENCING whenever what happened to a
transaction is unknown. No I/O, no clock: the I/O thread carries out the effects and reports each one's outcome as the
next event. Source: the protocol page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from consumer.errors import ErrorCode
from consumer.events.headers import event_id
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from consumer.stream import effects as do
from consumer.stream import oversize
from consumer.stream.metadata import Progress
from consumer.stream.values import Assignment, JobRecord, Published, Rejection


class Phase(StrEnum):
    """Where a partition stands."""

    FENCING = "fencing"
    IDLE = "idle"
    CLAIMING = "claiming"
    RECOVERING = "recovering"
    RUNNING = "running"
    FINISHING = "finishing"
    DEAD_LETTERING = "dead_lettering"
    RELEASING = "releasing"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Work:
    """One record in work.

    Args:
        job: what it asks for, or None where `rejection` says why it cannot be done.
        progress: what the next transaction of this record will leave as metadata.
        verify: whether the log must be asked what exists already.
        rescan: whether that reading starts at the record's timestamp, for want of a known offset.
        started: whether the workers have it.
        cancelled: whether its user asked for a stop.
        alone: whether the next transaction carries one chunk only (several were refused together).
        ready: computed and not committed; `published`: committed; `final`: computed, waits for `ready`.
    """

    record: JobRecord
    job: VideoJob | None
    rejection: Rejection | None
    progress: Progress
    verify: bool
    rescan: bool
    started: bool = False
    cancelled: bool = False
    alone: bool = False
    ready: tuple[ChunkResult, ...] = ()
    published: tuple[Published, ...] = ()
    final: VideoResult | None = None

    @property
    def known(self) -> frozenset[int]:
        """Indexes of the chunks that committed readers see."""
        return frozenset(one.result.chunk_index for one in self.published)


@dataclass(frozen=True, slots=True)
class State:
    """A partition: its phase, the progress last committed, and the record in work.

    `results_end` is an offset of chunk-results before which nothing of the next job stands. `fenced` counts fatal
    producer errors in a row.
    """

    partition: int
    epoch: int
    max_attempts: int
    phase: Phase = Phase.FENCING
    progress: Progress = field(default_factory=Progress)
    results_end: int = 0
    fenced: int = 0
    work: Work | None = None


Step = tuple[State, tuple[do.Effect, ...]]


def assigned(partition: int, epoch: int, max_attempts: int) -> Step:
    """A partition that was just assigned: fence its former owner before anything else."""
    return State(partition, epoch, max_attempts), (do.Pause(), do.Fence())


def fenced(state: State, found: do.Fenced) -> Step:
    """`init_transactions` succeeded: whatever the former owner had open is aborted, and the offsets are stable."""
    state = replace(state, results_end=max(state.results_end, found.results_end))
    work = state.work
    if work is not None and (found.offset is None or found.offset <= work.record.offset):
        # What became of this record's last transaction is unknown: claim it anew, then ask the log. The claim must not
        # forget chunks that the lost transaction committed: who took over after it would not look for them.
        progress = work.progress
        if found.progress is not None and found.progress.run_id == progress.run_id:
            progress = replace(found.progress, attempt=progress.attempt)
        if found.doubtful:
            # In the metadata of the claim, or whoever takes over after it would believe the list of chunks.
            progress = replace(progress, verify_below=found.verify_below)
        work = replace(work, verify=True, rescan=work.rescan or found.doubtful, progress=progress)
        return _transact(replace(state, work=work), Phase.CLAIMING)
    effects: tuple[do.Effect, ...] = (do.Seek(found.offset),)
    if work is not None:
        # The transaction whose outcome was unknown was the last one of this record, and it is there.
        effects = (do.Cancel(), do.Concluded(work.record, work.final, work.rejection), *effects)
    progress = found.progress or Progress(verify_below=found.verify_below)
    if found.doubtful:
        # What it says of chunks is old, and a final result may be there; the starts that it counted were made.
        progress = replace(progress, verify_below=found.verify_below)
    return _after(effects, _idle(replace(state, progress=progress)))


def arrived(state: State, record: JobRecord, job: VideoJob | Rejection) -> Step:
    """A record of an idle partition."""
    run_id = event_id(record.topic, record.partition, record.offset, "run")
    before = state.progress if state.progress.run_id == run_id else Progress()
    below = state.progress.verify_below if record.offset < state.progress.verify_below else 0
    progress = replace(
        before,
        run_id=run_id,
        attempt=before.attempt + 1,
        verify_below=below,
        results_from=before.results_from if before.run_id else state.results_end,
    )
    rejection = job if isinstance(job, Rejection) else None
    if rejection is None and progress.attempt - progress.spared > state.max_attempts:
        message = f"Its worker ended {state.max_attempts} times while the job was in work, since a chunk was last new."
        rejection = Rejection(ErrorCode.ATTEMPTS_EXHAUSTED, message, job.job_id, "claim")
    work = Work(
        record=record,
        job=job if isinstance(job, VideoJob) else None,
        rejection=rejection,
        progress=progress,
        verify=bool(below) or before.has_chunks,
        rescan=bool(below),
    )
    state, effects = replace(state, work=work), (do.Pause(),)
    if rejection is not None:
        return _after(effects, _recover_or(state, _dead_letter))
    return _after(effects, _transact(state, Phase.CLAIMING))


def recovered(state: State, published: tuple[Published, ...], *, finished: bool) -> Step:
    """The log was read up to its end: these chunk results of the record in work exist; is its final event there too?"""
    work = _work(state)
    if finished:
        return _after((do.Cancel(),), _transact(state, Phase.FINISHING, work=replace(work, final=None, ready=())))
    there = frozenset(one.result.chunk_index for one in published)
    ready = tuple(result for result in work.ready if result.chunk_index not in there)
    progress = replace(work.progress, done=there)
    if work.started:
        published = tuple(one.without_text() for one in published)
    work = replace(work, published=published, ready=ready, verify=False, progress=progress)
    state = replace(state, work=work)
    return _dead_letter(state) if work.rejection is not None else _run(state)


def computed(state: State, results: tuple[ChunkResult, ...]) -> Step:
    """The workers finished chunks."""
    work = _work(state)
    there = work.known | {result.chunk_index for result in work.ready}
    ready = work.ready + tuple(result for result in results if result.chunk_index not in there)
    return _if_running(replace(state, work=replace(work, ready=ready)))


def concluded(state: State, final: VideoResult) -> Step:
    """The workers finished the job."""
    return _if_running(replace(state, work=replace(_work(state), final=final)))


def cancelled(state: State) -> Step:
    """The job's user asked for a stop: the workers conclude it early, the rest goes its way. Too late is harmless."""
    work = state.work
    if work is None or work.cancelled or work.rejection is not None:
        return state, ()
    effects: tuple[do.Effect, ...] = (do.StopJob(),) if work.started else ()
    return replace(state, work=replace(work, cancelled=True)), effects


def committed(state: State, done: do.Committed) -> Step:
    """The transaction that the phase had begun is durable."""
    work = _work(state)
    fresh = {one.result.chunk_index for one in done.published}
    work = replace(
        work,
        ready=tuple(result for result in work.ready if result.chunk_index not in fresh),
        published=work.published + tuple(one.without_text() for one in done.published),
        progress=done.progress,
        alone=False,
    )
    end = max((one.offset + 1 for one in done.published), default=0)
    state = replace(state, work=work, progress=done.progress, fenced=0, results_end=max(state.results_end, end))
    effects: tuple[do.Effect, ...] = ()
    if state.phase is Phase.RELEASING:
        return revoked(state)
    over = state.phase in (Phase.FINISHING, Phase.DEAD_LETTERING)
    if over and done.wrote_final:
        effects = (do.Concluded(work.record, work.final, work.rejection),)
    if done.suspect:
        # librdkafka may have sent EndTxn twice; a late one would end this producer's next transaction half done.
        state = replace(state, phase=Phase.FENCING, work=None if over else work)
        return state, (*effects, do.Fence())
    if over:
        return _after(effects, _idle(state))
    return _recover_or(state, _run) if state.phase is Phase.CLAIMING else _run(state)


def refused(state: State, message: str) -> Step:
    """The broker will never take these records: they are too large. Narrow it down, then say so instead."""
    work = _work(state)
    if state.phase is Phase.RUNNING and len(work.ready) > 1 and not work.alone:
        return _transact(state, Phase.RUNNING, replace(work, alone=True))
    if state.phase is Phase.RUNNING and work.ready[0].success:
        ready = (oversize.chunk(work.ready[0], message), *work.ready[1:])
        return _transact(state, Phase.RUNNING, replace(work, ready=ready, alone=True))
    if (
        state.phase is Phase.FINISHING
        and work.final is not None
        and (work.final.aggregated_response or work.final.metadata)
    ):
        return _transact(state, Phase.FINISHING, replace(work, final=oversize.final(work.final, message)))
    if state.phase in (Phase.FINISHING, Phase.DEAD_LETTERING) and work.record.value is not None:
        # The dead letter repeats the record, and has headers of its own.
        return _transact(state, state.phase, replace(work, record=replace(work.record, value=None)))
    return replace(state, phase=Phase.GONE), (do.Cancel(), do.Drop(), do.Exit(1))


def broken(state: State, *, fenced_out: bool) -> Step:
    """The producer cannot be used again, and what its last transaction did is unknown until a new one has fenced it."""
    count = state.fenced + 1 if fenced_out else state.fenced
    if count > 1:
        return replace(state, phase=Phase.GONE), (do.Cancel(), do.Drop(), do.Exit(3))
    return replace(state, phase=Phase.FENCING, fenced=count), (do.Fence(),)


def released(state: State) -> Step:
    """The partition is about to be given up in good order: that is no start of which the job's worker died."""
    work = state.work
    if work is None or state.phase not in (Phase.RECOVERING, Phase.RUNNING):
        return state, ()
    progress = replace(work.progress, spared=work.progress.spared + 1)
    return _transact(state, Phase.RELEASING, replace(work, progress=progress))


def revoked(state: State) -> Step:
    """The group, or the end of the process, takes the partition away in good order: nothing is open between events."""
    return replace(state, phase=Phase.GONE), (do.Cancel(), do.Drop())


def _run(state: State) -> Step:
    work = _work(state)
    if not work.started:
        if work.job is None:
            raise RuntimeError("a rejected record cannot be run")
        recovered_results = {one.result.chunk_index: one.result for one in work.published}
        identity = work.progress.run_id, work.progress.attempt
        assignment = Assignment(
            state.partition, state.epoch, work.job, *identity, recovered_results, work.record.parent
        )
        # The workers have the texts now; the final result's list needs only where they stand.
        work = replace(work, started=True, published=tuple(one.without_text() for one in work.published))
        stop: tuple[do.Effect, ...] = (do.StopJob(),) if work.cancelled else ()
        return replace(state, phase=Phase.RUNNING, work=work), (do.Start(assignment), *stop)
    return _if_running(replace(state, phase=Phase.RUNNING))


def _if_running(state: State) -> Step:
    work = _work(state)
    if state.phase is not Phase.RUNNING:
        return state, ()
    if work.ready:
        return _transact(state, Phase.RUNNING)
    if work.final is not None:
        return _transact(state, Phase.FINISHING)
    return state, ()


def _recover_or(state: State, otherwise: Callable[[State], Step]) -> Step:
    work = _work(state)
    if not work.verify:
        return otherwise(state)
    start = None if work.rescan else work.progress.results_from
    return replace(state, phase=Phase.RECOVERING), (do.ReadBack(work.record, start),)


def _dead_letter(state: State) -> Step:
    return _transact(state, Phase.DEAD_LETTERING)


def _transact(state: State, phase: Phase, work: Work | None = None) -> Step:
    """The one shape of every transaction: records of the phase, and always the input offset."""
    work = work or _work(state)
    transact = do.Transact(
        record=work.record,
        offset=work.record.offset,
        progress=work.progress,
        chunks=(),
        published=work.published,
        final=None,
        rejection=None,
        attempt=work.progress.attempt,
    )
    if phase in (Phase.FINISHING, Phase.DEAD_LETTERING):
        after = work.record.offset + 1
        below = work.progress.verify_below if after < work.progress.verify_below else 0
        rejection = work.rejection if phase is Phase.DEAD_LETTERING else None
        idle = Progress(verify_below=below)
        transact = replace(transact, offset=after, progress=idle, final=work.final, rejection=rejection)
    elif phase is Phase.RUNNING:
        chunks = work.ready[: 1 if work.alone else None]
        done = work.known | {result.chunk_index for result in chunks}
        digest = chunks[-1].provenance.plan_digest
        # A start that brings chunks shows that those before it were not in vain: only this one counts so far.
        progress = replace(work.progress, done=done, plan_digest=digest, spared=work.progress.attempt - 1)
        transact = replace(transact, chunks=chunks, progress=progress)
    # A claim (right after fencing, too) keeps what the last metadata said of chunks: it knows no better than the log.
    return replace(state, phase=phase, work=work), (transact,)


def _idle(state: State) -> Step:
    return replace(state, phase=Phase.IDLE, work=None), (do.Resume(),)


def _after(effects: tuple[do.Effect, ...], step: Step) -> Step:
    return step[0], (*effects, *step[1])


def _work(state: State) -> Work:
    if state.work is None:
        raise RuntimeError(f"no record in work in phase {state.phase}")
    return state.work
