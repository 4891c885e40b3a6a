"""`VideoJobs`: submit jobs, follow them, read their results. Needs neither torch nor av."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from consumer.client.following import Following
from consumer.client.ids import made_at
from consumer.client.problems import UnknownJobError, WaitTimeoutError
from consumer.client.producer import JobHandle, JobProducer
from consumer.client.reader import Line, ResultReader, to_the_end
from consumer.errors import ConfigurationError
from consumer.events.codec import EventCodec
from consumer.events.headers import CANCEL_REQUESTED, SUBMITTED, VIDEO_SECONDS, event_id, job_headers, seconds_in
from consumer.events.models import CancelJob, ChunkResult, VideoJob, VideoResult
from consumer.events.topics import Topics
from consumer.settings import Settings
from consumer.stream.cluster import Cluster, Place

SUBMIT_SECONDS = 30.0
# A job id of version 7 tells when it was made, by a clock that may be ahead of the one that stamped the record.
CLOCK_MARGIN_MS = 3_600_000
_POLL_SECONDS = 0.2
_FOLLOW_FETCH_WAIT_MS = 500
_READ_FETCH_WAIT_MS = 10


@dataclass(frozen=True, slots=True)
class JobResults:
    """What the result topics hold of a job: of its latest record where the same id was submitted more than once.

    Args:
        chunks: by chunk index.
        final: None while the job is not done.
    """

    job_id: str
    chunks: tuple[ChunkResult, ...]
    final: VideoResult | None

    @property
    def run_id(self) -> str:
        """Of the record that they are the results of."""
        return self.final.run_id if self.final is not None else self.chunks[0].run_id


class VideoJobs:
    """A client of the consumer: writes jobs, reads results.

    Use it as a context manager or call `close`. Not for several threads at once.
    """

    def __init__(self, settings: Settings, submit_seconds: float = SUBMIT_SECONDS) -> None:
        self._settings, self._submit_seconds = settings, submit_seconds
        self._topics = Topics(settings.kafka_topic_prefix)
        self._codec = EventCodec.from_settings(settings)
        self._producer: JobProducer | None = None
        self._known: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, job: VideoJob) -> JobHandle:
        """Write a job in the format that EVENT_FORMAT names; returns when all in-sync replicas have it.

        Raises:
            ConfigurationError: the jobs topic does not exist.
            KafkaUnavailableError: no broker answered in time, or it refused this client.
            JobTooLargeError: the job does not fit into one message.
            SubmitError: the broker refused the record or did not confirm it in time.
            TransientError, PermanentError: the schema registry (EVENT_FORMAT=avro-registry).
        """
        return self._send(job, self._topics.jobs)

    def cancel(self, job_id: str, reason: str | None = None) -> None:
        """Ask for a stop; the job's final result then says `cancelled` and keeps the chunks that were finished.

        For a job that is done, or that nobody knows, it changes nothing. A job that is sent under the same id later is
        not meant.

        Raises:
            ConfigurationError: the control topic does not exist.
            pydantic.ValidationError: it can be no job id.
            KafkaUnavailableError, SubmitError, TransientError, PermanentError: as in `submit`.
        """
        self._send(CancelJob(job_id=job_id, reason=reason, created_at=int(time.time() * 1000)), self._topics.control)

    def _send(self, event: VideoJob | CancelJob, topic: str) -> JobHandle:
        if topic not in self._known:
            self._require(topic)
            self._known.add(topic)
        if self._producer is None:
            self._producer = JobProducer(self._settings, self._submit_seconds)
        value = self._codec.encode(event, topic)
        kind = SUBMITTED if isinstance(event, VideoJob) else CANCEL_REQUESTED
        now, seconds = int(time.time() * 1000), known_seconds(event) if isinstance(event, VideoJob) else None
        headers = job_headers(event.job_id, now, self._codec.content_type, kind, video_seconds=seconds)
        return self._producer.send(topic, event.job_id, value, headers)

    def follow(
        self, jobs: Collection[JobHandle | str] | None, timeout: float | None = None
    ) -> Iterator[ChunkResult | VideoResult]:
        """Chunk results as they are committed and, after those of its chunks, each job's final result.

        Ends when all named jobs have their final result. A handle is read from its record's time on, a UUIDv7 from the
        time it tells, any other id from the beginning.

        Args:
            jobs: what to follow; None: every job from now on, for ever.
            timeout: seconds in all; None: without a limit.

        Raises:
            WaitTimeoutError: the time was over before all named jobs were done.
            ConfigurationError: a result topic does not exist.
            KafkaUnavailableError: no broker answered at the start, or it refuses this client.
        """
        following = Following(jobs)
        if following.done:
            return
        deadline = None if timeout is None else time.monotonic() + timeout
        positions = self._positions(jobs)
        reader = ResultReader(self._settings, positions, _FOLLOW_FETCH_WAIT_MS)
        try:
            for (topic, partition), offset in positions.items():
                if topic == self._topics.chunk_results:
                    following.at(partition, offset)
            while not following.done:
                line = reader.poll(_POLL_SECONDS)
                yield from self._take(line, following)
                if deadline is not None and time.monotonic() > deadline and not following.done:
                    raise WaitTimeoutError(_overdue(following.missing, timeout or 0.0))
        finally:
            reader.close()

    def wait(self, job: JobHandle | str, timeout: float | None = None) -> VideoResult:
        """The final result of a job, once it is there; raises what `follow` raises."""
        for event in self.follow([job], timeout):
            if isinstance(event, VideoResult):
                return event
        raise AssertionError("following ends with the final result")

    def results(self, job: JobHandle | str, run_id: str | None = None) -> JobResults:
        """What is there of a job now.

        Args:
            run_id: of a certain one of its records; None: of the latest.

        Raises:
            UnknownJobError: nothing is.
            ConfigurationError, KafkaUnavailableError: as in `follow`.
        """
        job_id = job.job_id if isinstance(job, JobHandle) else job
        events = self._read(job, self._positions([job]))
        if not events and made_at(job_id) is not None and not isinstance(job, JobHandle):
            # The id's clock may have been far off.
            events = self._read(job, self._from_the_beginning())
        if run_id is not None:
            events = [event for event in events if event.run_id == run_id]
        if not events:
            raise UnknownJobError(
                f"The topics {self._topics.chunk_results} and {self._topics.results} hold nothing of the job {job_id}: "
                "it has not started, its results were removed by retention, or the id is wrong."
            )
        latest = max(events, key=lambda event: event.created_at).run_id
        events = [event for event in events if event.run_id == latest]
        chunks = {event.chunk_index: event for event in events if isinstance(event, ChunkResult)}
        finals = [event for event in events if isinstance(event, VideoResult)]
        return JobResults(job_id, tuple(chunks[index] for index in sorted(chunks)), finals[-1] if finals else None)

    def submitted(self, results: JobResults) -> VideoJob | None:
        """The job that these are the results of, as it was submitted; None: the jobs topic does not hold it any more.

        Raises:
            ConfigurationError, KafkaUnavailableError: as `follow`.
            EventError, TransientError: the record cannot be read.
        """
        run_id = results.run_id
        positions = self._from_the_beginning(self._topics.jobs)
        reader = ResultReader(self._settings, positions, _READ_FETCH_WAIT_MS)
        try:
            for line in to_the_end(reader, positions):
                if line.value is not None and event_id(*line.place, line.offset, "run") == run_id:
                    return self._codec.decode(VideoJob, line.value)
        finally:
            reader.close()
        return None

    def close(self) -> None:
        """Let go of the clients; may be called twice."""
        if self._producer is not None:
            self._producer.close()
            self._producer = None

    def _take(self, line: Line | None, following: Following) -> Iterator[ChunkResult | VideoResult]:
        now = time.monotonic()
        if line is not None:
            topic, partition = line.place
            is_chunk = topic == self._topics.chunk_results
            if line.value is not None and following.wants(line.key):
                event = self._decode(topic, line.value)
                if isinstance(event, VideoResult):
                    following.final(event, partition, now)
                elif following.chunk(event):
                    yield event
            if is_chunk:
                following.at(partition, line.offset + (line.value is not None))
        yield from following.released(now)

    def _read(self, job: JobHandle | str, positions: dict[Place, int]) -> list[ChunkResult | VideoResult]:
        following = Following([job])
        events: list[ChunkResult | VideoResult] = []
        reader = ResultReader(self._settings, positions, _READ_FETCH_WAIT_MS)
        try:
            for line in to_the_end(reader, positions):
                if line.value is not None and following.wants(line.key):
                    event = self._decode(line.place[0], line.value)
                    if not isinstance(job, JobHandle) or event.run_id == job.run_id:
                        events.append(event)
        finally:
            reader.close()
        return events

    def _decode(self, topic: str, value: bytes) -> ChunkResult | VideoResult:
        if topic == self._topics.chunk_results:
            return self._codec.decode(ChunkResult, value)
        return self._codec.decode(VideoResult, value)

    def _require(self, *names: str) -> dict[str, int]:
        with Cluster(self._settings) as cluster:
            found = cluster.partitions(names)
        for name in names:
            if name not in found:
                raise ConfigurationError(
                    f"The topic {name} does not exist; make it with `video-consumer topics create`, or set "
                    "KAFKA_TOPIC_PREFIX if yours are called otherwise."
                )
        return found

    def _places(self, *topics: str) -> list[Place]:
        found = self._require(*topics or (self._topics.chunk_results, self._topics.results))
        return [(topic, partition) for topic, count in found.items() for partition in range(count)]

    def _from_the_beginning(self, *topics: str) -> dict[Place, int]:
        places = self._places(*topics)
        with Cluster(self._settings) as cluster:
            return cluster.first_offsets(places)

    def _positions(self, jobs: Collection[JobHandle | str] | None) -> dict[Place, int]:
        places = self._places()
        with Cluster(self._settings) as cluster:
            if jobs is None:
                return cluster.end_offsets(places)
            since = [_not_before(job) for job in jobs]
            if all(isinstance(job, JobHandle) for job in jobs):
                partitions = {job.partition for job in jobs if isinstance(job, JobHandle)}
                places = [place for place in places if place[1] in partitions]
            known = [moment for moment in since if moment is not None]
            if len(known) < len(since):
                return cluster.first_offsets(places)
            return cluster.offsets_at(places, min(known))


def known_seconds(job: VideoJob) -> float | None:
    """How much video the job asks for, where it tells: in its metadata, or by the end of the part that it names."""
    stated = seconds_in(job.metadata.get(VIDEO_SECONDS))
    if stated is not None or job.end_time is None:
        return stated
    return job.end_time - job.start_time


def _not_before(job: JobHandle | str) -> int | None:
    """No result of the job has a time stamp before this one (ms since the epoch); None where nothing is known."""
    if isinstance(job, JobHandle):
        return job.timestamp
    made = made_at(job)
    return max(0, made - CLOCK_MARGIN_MS) if made is not None else None


def _overdue(job_ids: list[str], seconds: float) -> str:
    named = ", ".join(job_ids[:3]) + (f" and {len(job_ids) - 3} more" if len(job_ids) > 3 else "")
    return f"There is no final result of {named} after {seconds:g} s; the work goes on, see `video-consumer watch`."
