"""The I/O thread: owns every Kafka client, polls for ever, and lets each owned partition carry out its effects.

librdkafka serialises the calls of a Consumer, so other threads would starve; they reach this one by a queue and a flag.
Callbacks of the group run inside `poll`, which is called only between two partitions' effects, or between two tries of
one transaction.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context
from functools import partial
from queue import SimpleQueue

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from consumer.errors import TransientError
from consumer.events.codec import EventCodec, EventError
from consumer.events.models import VideoJob
from consumer.events.problems import key_job_id
from consumer.events.topics import Topics
from consumer.settings import Settings
from consumer.stream.clients import admin_config, consumer_config, reader_config
from consumer.stream.control import ControlReader
from consumer.stream.intake import take_in
from consumer.stream.membership import ending
from consumer.stream.partition import OwnedPartition
from consumer.stream.reach import Reach
from consumer.stream.records import RecordWriter
from consumer.stream.tools import Tools
from consumer.stream.values import Crash, JobOutcome, JobRecord, Outcome, Rejection, Workers
from consumer.telemetry.metrics import PARTITION_PHASES, Metrics
from consumer.telemetry.since import Since
from consumer.telemetry.tracing import NO_TRACING, Tracing

_log = structlog.get_logger(__name__)

IDLE_POLL_SECONDS = 0.1
BUSY_POLL_SECONDS = 0.01
POSTPONE_SECONDS = 2.0
CLOSE_SECONDS = 8.0
SETTLE_SECONDS = 3.0


class StreamLoop:
    """Reads jobs and publishes results, exactly once for readers of committed records.

    Args:
        outcomes: what the workers finished; the only way in from other threads.
        beat: called at every turn, so that health can tell a live loop from a stuck one.
        now: milliseconds since the epoch.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        codec: EventCodec,
        workers: Workers,
        outcomes: SimpleQueue[Outcome],
        metrics: Metrics,
        worker: str,
        beat: Callable[[], None],
        assigned: Callable[[bool], None],
        now: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self._settings, self._workers, self._outcomes, self._metrics = settings, workers, outcomes, metrics
        self._codec, self._beat, self._assigned, self._clock = codec, beat, assigned, clock
        self._topics = Topics(settings.kafka_topic_prefix)
        self._consumer = Consumer(consumer_config(settings))
        self._tools = Tools(
            settings=settings,
            topics=self._topics,
            consumer=self._consumer,
            admin=AdminClient(admin_config(settings)),
            codec=codec,
            records=RecordWriter(codec=codec, topics=self._topics, worker=worker, now=now),
            workers=workers,
            metrics=metrics,
            open_transaction=Since(clock),
            clock=clock,
            serve=self._serve,
            forget=lambda number: self._forget({number}),
            tracing=tracing,
        )
        self._reach = Reach.of(self._tools.admin, self._topics.jobs, clock)
        self._control = ControlReader(reader_config(settings), self._topics.control, codec, clock)
        self._owned: dict[int, OwnedPartition] = {}
        self._fetching: set[int] = set()
        self._inbox: deque[Message] = deque()
        self._epoch = 0
        self._revoking = False
        self._crash: Crash | None = None
        self._stopping, self._draining, self._abandon = threading.Event(), False, threading.Event()
        self._drain_deadline = 0.0
        metrics.jobs_in_progress.set_function(self._busy)
        metrics.transaction_open_seconds.set_function(self._tools.open_transaction.seconds)
        for phase in PARTITION_PHASES:
            metrics.partitions.labels(phase=phase).set_function(partial(self._in_phase, phase))

    def stop(self) -> None:
        """Leave once running chunks are committed, or the grace period is over. A second call: leave now."""
        if self._stopping.is_set():
            self._abandon.set()
        self._stopping.set()

    def waiting_from(self) -> dict[int, int]:
        """The owned partitions whose place is known, and where in each the first record waits. For any thread."""
        places = {number: owned.waiting_from for number, owned in list(self._owned.items())}
        return {number: offset for number, offset in places.items() if offset is not None}

    def run(self) -> int:
        """Work until stopped; returns the exit code.

        Raises:
            ConfigurationError: the cluster refuses this client.
            FencedError: another process took this one's place in the group, or holds it.
        """
        self._consumer.subscribe(
            [self._topics.jobs], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        try:
            while True:
                code = self._turn()
                if code is not None:
                    if code == 0:
                        self._settle(list(self._owned.values()))
                    return code
        finally:
            self._leave()

    def _turn(self) -> int | None:
        self._beat()
        self._poll(self._patience())
        while self._inbox:
            self._on_message(self._inbox.popleft())
        for job_id in self._control.poll():
            for owned in self._owned.values():
                owned.cancel(job_id)
        crash = self._crash or self._take_outcomes()
        if crash is not None:
            _log.error("workers_crashed", reason=str(crash.error), exc_info=crash.error)
            return 1
        for owned in list(self._owned.values()):
            started = self._clock()
            if self._reach.guard(owned.carry_out) or self._clock() - started > IDLE_POLL_SECONDS:
                self._serve()
            if owned.exit_code is not None:
                return owned.exit_code
        for number in [number for number, owned in self._owned.items() if owned.gone]:
            del self._owned[number]
        self._admit()
        return self._drained()

    def _patience(self) -> float:
        if not self._outcomes.empty() or any(not owned.waiting for owned in self._owned.values()):
            return 0.0
        return BUSY_POLL_SECONDS if any(owned.busy for owned in self._owned.values()) else IDLE_POLL_SECONDS

    def _poll(self, seconds: float) -> None:
        """The only place where the consumer is polled; callbacks run here, a record waits in the inbox."""
        message = self._consumer.poll(seconds)
        if message is not None:
            self._inbox.append(message)

    def _serve(self) -> None:
        """Between two steps that may take seconds each: stay a member of the group, and be seen to be alive."""
        self._beat()
        if not self._revoking:
            # What callbacks log is not about the record whose transaction is under way.
            Context().run(self._poll, 0.0)

    def _on_message(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            end = ending(self._settings, error)
            if end is not None:
                raise end
            _log.warning("consumer_error", reason=error.str(), code=error.name())
            return
        record = JobRecord.of(message)
        owned = self._owned.get(record.partition)
        if owned is None or owned.stale(record):
            return
        full = self._busy() >= self._settings.max_concurrent_jobs
        if self._draining or full or owned.busy or record.partition not in self._fetching:
            self._fetching.discard(record.partition)
            owned.postpone(record, 0.0)
            return
        self._fetching.discard(record.partition)
        try:
            job: VideoJob | Rejection = self._codec.decode(VideoJob, record.value)
        except EventError as failure:
            # Whoever sent it waits for a result, also where only the key tells which job it was.
            job = Rejection(failure.code, failure.message, failure.job_id or key_job_id(record.key), "decode")
        except TransientError as failure:
            _log.warning("event_postponed", partition=record.partition, offset=record.offset, reason=failure.message)
            owned.postpone(record, POSTPONE_SECONDS)
            return
        owned.offer(record, job)
        if isinstance(job, VideoJob) and self._control.requests.mean(job.job_id, record.timestamp):
            owned.cancel(job.job_id)

    def _take_outcomes(self) -> Crash | None:
        intake = take_in(self._outcomes)
        for (partition, epoch), chunks in intake.chunks.items():
            owned = self._still_owned(partition, epoch)
            if owned is not None:
                owned.computed([(one.result, one.acknowledge) for one in chunks])
        for end in intake.ends:
            owned = self._still_owned(end.partition, end.epoch)
            if owned is None:
                continue
            if isinstance(end, JobOutcome):
                owned.concluded(end.result, end.span)
            else:
                self._settle([owned])
                owned.revoke()
        return intake.crash

    def _still_owned(self, partition: int, epoch: int) -> OwnedPartition | None:
        """The partition, unless it was given up since the work began."""
        owned = self._owned.get(partition)
        return owned if owned is not None and owned.epoch == epoch else None

    def _in_phase(self, phase: str) -> int:
        """For the metrics, in a probe's thread."""
        return sum(owned.state.phase == phase for owned in list(self._owned.values()))

    def _busy(self) -> int:
        """For any thread."""
        return sum(owned.busy for owned in list(self._owned.values()))

    def _admit(self) -> None:
        """Fetch for idle partitions while there is room for jobs, and for none when there is not."""
        room = not self._draining and self._control.caught_up and self._busy() < self._settings.max_concurrent_jobs
        wanted = {number for number, owned in self._owned.items() if owned.wants_records} if room else set()
        if wanted == self._fetching:
            return
        jobs = self._topics.jobs
        for number in wanted - self._fetching:
            self._owned[number].fetch()
        if end := (self._fetching - wanted) & self._owned.keys():
            self._consumer.pause([TopicPartition(jobs, number) for number in end])
        self._fetching = wanted

    def _drained(self) -> int | None:
        if not self._stopping.is_set():
            return None
        if not self._draining:
            self._draining = True
            self._drain_deadline = self._clock() + self._settings.shutdown_grace_seconds
            self._workers.drain()
            _log.info("draining", jobs=self._busy(), grace_seconds=self._settings.shutdown_grace_seconds)
        over = self._abandon.is_set() or self._clock() >= self._drain_deadline
        return 0 if over or not self._busy() else None

    def _on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._metrics.rebalances_total.labels(event="assigned").inc()
        _log.info("assigned", partitions=[one.partition for one in partitions])
        # An explicit position spares an offset fetch that a dead owner's open transaction would block for all of them;
        # nothing is fetched before the partition is fenced and its real position is sought.
        starts = [TopicPartition(one.topic, one.partition, OFFSET_BEGINNING) for one in partitions]
        self._consumer.incremental_assign(starts)
        if starts:
            self._consumer.pause(starts)
        for one in partitions:
            self._epoch += 1
            self._fetching.discard(one.partition)
            self._owned[one.partition] = OwnedPartition(self._tools, one.partition, self._epoch)
        self._assigned(bool(self._owned))

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        # `poll` must not be called in a callback of its own.
        self._revoking = True
        self._crash = self._take_outcomes()
        if self._crash is None:
            self._settle([self._owned[one.partition] for one in partitions if one.partition in self._owned])
        self._revoking = False
        self._give_up("revoked", partitions)

    def _settle(self, leaving: list[OwnedPartition]) -> None:
        """Commit what is computed already: it costs milliseconds, computing it again costs GPU time."""
        deadline = self._clock() + SETTLE_SECONDS
        for owned in leaving:
            if self._clock() < deadline:
                owned.settle()

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._give_up("lost", partitions)

    def _give_up(self, event: str, partitions: list[TopicPartition]) -> None:
        self._metrics.rebalances_total.labels(event=event).inc()
        numbers = {one.partition for one in partitions}
        _log.info(event, partitions=sorted(numbers))
        # A record of a former assignment must not be taken for one of the next.
        self._forget(numbers)
        for one in partitions:
            self._fetching.discard(one.partition)
            owned = self._owned.pop(one.partition, None)
            if owned is not None:
                owned.revoke()
        if partitions:
            self._consumer.incremental_unassign(partitions)
        self._assigned(bool(self._owned))

    def _forget(self, numbers: set[int]) -> None:
        """Drop what was fetched of these partitions and not looked at."""
        self._inbox = deque(message for message in self._inbox if message.partition() not in numbers)

    def _leave(self) -> None:
        for owned in self._owned.values():
            owned.revoke()
        self._owned.clear()
        # Leaving the group waits for the broker, which may be away; the process ends all the same.
        leaving = threading.Thread(target=self._close, name="kafka-close", daemon=True)
        leaving.start()
        leaving.join(CLOSE_SECONDS)

    def _close(self) -> None:
        try:
            self._control.close()
            self._consumer.close()
        except KafkaException as error:
            _log.warning("close_failed", reason=str(error.args[0]))
