"""One owned partition: carries out what its state machine asks, with the clients of the I/O thread."""

from __future__ import annotations

from collections import deque
from typing import Any

import structlog
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from consumer.errors import CodedError
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from consumer.events.traceparent import TraceParent
from consumer.stream import effects as do
from consumer.stream import machine, metadata
from consumer.stream.backoff import Backoff
from consumer.stream.fencing import FencingError, PendingOffsetError, fence
from consumer.stream.outcomes import Verdict
from consumer.stream.recovery import Recovery, RecoveryError
from consumer.stream.reporting import (
    in_work,
    publishing,
    report_commit,
    report_conclusion,
    report_recovery,
    report_transition,
)
from consumer.stream.tools import Tools
from consumer.stream.transaction import Failed, TransactionalWriter, stopped
from consumer.stream.values import Acknowledge, JobRecord, Published, Rejection

_log = structlog.get_logger(__name__)

DOUBT_SECONDS = 15.0
"""So long a pending offset is waited for; a stranger's transaction may end, one that a broker forgot does not."""


class OwnedPartition:
    """The adapter between one state machine and Kafka; lives from assignment to revocation.

    Args:
        number: partition of the jobs topic.
        epoch: which assignment this is; outcomes of earlier ones are dropped.
    """

    def __init__(self, tools: Tools, number: int, epoch: int) -> None:
        self._tools = tools
        self.number, self.epoch = number, epoch
        self._topic = tools.topics.jobs
        self._effects: deque[do.Effect] = deque()
        self._writer: TransactionalWriter | None = None
        self._recovery = Recovery(tools)
        self._acknowledge: dict[int, Acknowledge] = {}
        self._computed: list[ChunkResult] = []
        self._final: VideoResult | None = None
        self._span: TraceParent | None = None
        self._backoff = Backoff(tools.clock)
        self._lost = False
        self._pending_since: float | None = None
        self._pending_answers = 0
        self._expected = 0
        self._sought = False
        self.in_transaction = False
        self.wants_records = False
        self.exit_code: int | None = None
        self.state = machine.State(number, epoch, tools.settings.max_attempts)
        self._follow(machine.assigned(number, epoch, tools.settings.max_attempts))

    @property
    def busy(self) -> bool:
        """Whether a record is in work."""
        return self.state.work is not None

    @property
    def gone(self) -> bool:
        """Whether the partition is not ours any more."""
        return self.state.phase is machine.Phase.GONE

    @property
    def waiting(self) -> bool:
        """Whether there is nothing to carry out right now."""
        return not self._backoff.over or not (self._effects or self._computed or self._final)

    @property
    def waiting_from(self) -> int | None:
        """The offset of the first record that is not in work; None while it is not known. For any thread."""
        return self._expected if self._sought else None

    def stale(self, record: JobRecord) -> bool:
        """Whether the record was fetched before the last seek, or before one that is still to be carried out.

        To claim an earlier one would move the group's offset back; to take a later one for the next would pass over
        the record that the seek goes back for. Either is fetched again.
        """
        return record.offset < self._expected or any(isinstance(effect, do.Seek) for effect in self._effects)

    def offer(self, record: JobRecord, job: VideoJob | Rejection) -> None:
        """A record of this partition, which must be idle."""
        self.wants_records = False
        self._expected = record.offset + 1
        self._follow(machine.arrived(self.state, record, job))

    def postpone(self, record: JobRecord, seconds: float) -> None:
        """The record cannot be taken now: read it again later."""
        self._tools.consumer.pause([self._at()])
        self._effects.append(do.Seek(record.offset))
        if not self.busy:
            self.wants_records = False
            self._effects.append(do.Resume())
            self._backoff.wait(seconds)

    def fetch(self) -> None:
        """Fetch records from here on; the partition must want them.

        To resume does not wake librdkafka's thread for the broker, which sleeps for up to a second while it has nothing
        else to fetch there. To seek does, even to where the partition stands already.
        """
        self._tools.consumer.resume([self._at()])
        self._seek(self._expected or None)

    def computed(self, results: list[tuple[ChunkResult, Acknowledge]]) -> None:
        """Chunks are finished; each is acknowledged once it is committed."""
        if self.busy:
            self._acknowledge.update({result.chunk_index: acknowledge for result, acknowledge in results})
            self._computed += [result for result, _ in results]

    def concluded(self, final: VideoResult, span: TraceParent | None = None) -> None:
        """The job is finished; `span` is that of its run."""
        if self.busy:
            self._final, self._span = final, span

    def cancel(self, job_id: str) -> None:
        """The user of that job asks for a stop."""
        work = self.state.work
        if work is not None and work.job is not None and work.job.job_id == job_id:
            self._follow(machine.cancelled(self.state))

    def settle(self) -> None:
        """Before the partition is given up: commit what is computed, as long as nothing has to be waited for.

        It spares the next owner the computing, and the job a start that counts as one that its worker died of.
        """
        while not self.in_transaction and (self._effects or self._deliver()):
            if isinstance(self._effects[0], do.Fence | do.ReadBack | do.Seek):
                break
            self._carry_out(self._effects.popleft())
        if not self.in_transaction:
            step = machine.released(self.state)
            if step[1]:
                self._effects.clear()
                self._follow(step)
                self._carry_out(self._effects.popleft())

    def revoke(self) -> None:
        """Give the partition up at once; what is not committed is computed again by its next owner."""
        self._lost = True
        if self.in_transaction:
            # Its next step finds that the partition is lost, aborts, and cleans up.
            return
        self._effects.clear()
        self._follow(machine.revoked(self.state))
        # At once, whatever is being waited for: nobody asks again.
        while self._effects:
            self._carry_out(self._effects.popleft())

    def carry_out(self) -> bool:
        """Carry out what is asked for, up to the first thing that has to wait; True if anything was done.

        The state machine hears of the next event only when the effects of the last one are done.
        """
        done = False
        while self._backoff.over and (self._effects or self._deliver()):
            effect = self._effects.popleft()
            if not self._carry_out(effect):
                self._effects.appendleft(effect)
                return done
            done = True
        return done

    def _deliver(self) -> bool:
        """Tell the state machine what the workers finished; True if that has effects."""
        if self._computed:
            results, self._computed = tuple(self._computed), []
            self._follow(machine.computed(self.state, results))
        if self._final is not None and not self._effects:
            final, self._final = self._final, None
            self._follow(machine.concluded(self.state, final))
        return bool(self._effects)

    def _follow(self, step: machine.Step) -> None:
        before, (self.state, effects) = self.state, step
        self._effects.extend(effects)
        with in_work(self.state if before.work is None else before):
            report_transition(before, self.state)
        known = self.state.work.known if self.state.work is not None else frozenset()
        for index in [index for index in self._acknowledge if index in known]:
            self._acknowledge.pop(index)()

    def _carry_out(self, effect: do.Effect) -> bool:
        """False: not now, ask again."""
        with in_work(self.state):
            return self._do(effect)

    def _do(self, effect: do.Effect) -> bool:
        tools = self._tools
        match effect:
            case do.Transact():
                try:
                    self._transact(effect)
                except CodedError as error:
                    # The schema registry is away, or refuses a schema: nothing was begun, nothing is lost by waiting.
                    return self._later("event_not_encoded", error.message)
                self._backoff.succeeded()
            case do.Fence():
                return self._fence()
            case do.ReadBack():
                return self._read_back(effect)
            case do.Seek(offset):
                return self._seek(offset)
            case do.Pause():
                tools.consumer.pause([self._at()])
                self.wants_records = False
            case do.Resume():
                self.wants_records = True
            case do.Start(assignment):
                tools.workers.start(assignment)
            case do.Cancel():
                self._acknowledge.clear()
                self._computed, self._final, self._span = [], None, None
                tools.workers.cancel(self.number, self.epoch)
            case do.StopJob():
                tools.workers.stop_job(self.number, self.epoch)
            case do.Drop():
                self._drop()
            case do.Concluded():
                self._span = None
                report_conclusion(tools.metrics, effect)
            case do.Exit(code):
                self.exit_code = code
        return True

    def _transact(self, effect: do.Transact) -> None:
        tools, started = self._tools, self._tools.clock()
        if self._writer is None:
            self._follow(machine.broken(self.state, fenced_out=False))
            return
        position = TopicPartition(
            self._topic, self.number, effect.offset, metadata=metadata.encode(effect.progress, effect.offset)
        )

        def offsets() -> tuple[list[TopicPartition], Any] | None:
            return None if self._lost else ([position], tools.consumer.consumer_group_metadata())

        self.in_transaction = True
        try:
            messages = tools.records.messages(effect)
            with publishing(tools.tracing, effect, self._span) as span, tools.open_transaction.going_on():
                answer = self._writer.transact(messages, offsets)
                if isinstance(answer, Failed):
                    span.failed(answer.verdict.value)
        finally:
            self.in_transaction = False
        if not isinstance(answer, Failed):
            report_commit(tools.metrics, self.number, tools.clock() - started, suspect=answer.suspect)
            places = zip(effect.chunks, answer.offsets, strict=False)
            published = tuple(Published(result, self.number, offset) for result, offset in places)
            concluded = effect.final is not None or effect.rejection is not None
            self._follow(
                machine.committed(self.state, do.Committed(effect.progress, published, concluded, answer.suspect))
            )
            return
        # A process that was frozen may have lost the partition meanwhile: hear of it first, or fencing hits the owner.
        tools.serve()
        if self._lost:
            # Heard of now, or in the middle of the transaction, when nothing could be cleaned up.
            self.revoke()
        else:
            self._follow(self._after_failure(answer))

    def _after_failure(self, failed: Failed) -> machine.Step:
        match failed.verdict:
            case Verdict.STOP:
                raise stopped(self._tools.settings, failed)
            case Verdict.REFUSED:
                return machine.refused(self.state, f"The broker refused the message: {failed.message}.")
            case Verdict.EVICTED:
                return machine.revoked(self.state)
        return machine.broken(self.state, fenced_out=failed.verdict is Verdict.FENCED)

    def _fence(self) -> bool:
        self._drop()
        since = self._pending_since
        # Twice at least: a single lost answer looks the same, however long ago it was.
        doubtful = self._pending_answers > 1 and since is not None and self._tools.clock() - since > DOUBT_SECONDS
        try:
            self._writer, found = fence(self._tools, self.number, doubtful=doubtful)
        except FencingError as error:
            pending = isinstance(error, PendingOffsetError)
            self._pending_since = (since or self._tools.clock()) if pending else None
            self._pending_answers = self._pending_answers + 1 if pending else 0
            return self._later("fencing_failed", str(error))
        if doubtful:
            _log.warning("offset_in_doubt", partition=self.number, epoch=self.epoch, offset=found.offset)
        self._pending_since, self._pending_answers = None, 0
        self._backoff.succeeded()
        self._follow(machine.fenced(self.state, found))
        return True

    def _read_back(self, effect: do.ReadBack) -> bool:
        try:
            found = self._recovery.step(effect)
        except RecoveryError as error:
            return self._later("read_back_failed", str(error))
        if found is None:
            return False
        self._backoff.succeeded()
        report_recovery(self._tools.metrics, effect, found)
        self._follow(machine.recovered(self.state, found.published, finished=found.finished))
        return True

    def _seek(self, offset: int | None) -> bool:
        tools, where = self._tools, OFFSET_BEGINNING if offset is None else offset
        try:
            tools.consumer.seek(TopicPartition(self._topic, self.number, where))
        except KafkaException as error:
            if error.args[0].code() not in (KafkaError._STATE, KafkaError._TIMED_OUT):
                raise
            # The fetcher of a partition that was assigned this moment is not there yet.
            return self._later("seek_failed", str(error.args[0]))
        self._expected, self._sought = max(where, 0), True
        tools.forget(self.number)
        return True

    def _later(self, event: str, reason: str) -> bool:
        wait = self._backoff.failed()
        _log.warning(event, partition=self.number, epoch=self.epoch, reason=reason, retry_in=round(wait, 3))
        return False

    def _drop(self) -> None:
        self._recovery.stop()
        if self._writer is not None:
            self._writer.drop()
            self._writer = None

    def _at(self) -> TopicPartition:
        return TopicPartition(self._topic, self.number)
