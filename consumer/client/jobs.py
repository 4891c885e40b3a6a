"""`VideoJobs`: submit jobs, follow them, read their results. Needs neither torch nor av."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from consumer.client.checking import require_acceptable
from consumer.client.follower import Follower
from consumer.client.following import Following
from consumer.client.ids import made_at
from consumer.client.newest import newest_records
from consumer.client.places import Places
from consumer.client.problems import UnknownJobError
from consumer.client.producer import JobHandle, JobProducer, require_room
from consumer.client.reader import Line, ResultReader, to_the_end
from consumer.events.codec import EventCodec
from consumer.events.headers import CANCEL_REQUESTED, SUBMITTED, VIDEO_SECONDS, event_id, job_headers, seconds_in
from consumer.events.models import CancelJob, ChunkResult, VideoJob, VideoResult
from consumer.events.topics import Topics
from consumer.settings import Settings, load_settings
from consumer.stream.cluster import Place

SUBMIT_SECONDS = 30.0
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

    Args:
        settings: None: those of the environment, as commands read them (KAFKA_BOOTSTRAP_SERVERS, S3_ENDPOINT, ...).
        submit_seconds: how long a job may take to be confirmed.

    Raises:
        ConfigurationError: a setting is wrong; the sentence names it.
    """

    def __init__(self, settings: Settings | None = None, submit_seconds: float = SUBMIT_SECONDS) -> None:
        if settings is None:
            settings = load_settings(environment=os.environ).settings
        self._settings, self._submit_seconds = settings, submit_seconds
        self._topics, self._places = Topics(settings.kafka_topic_prefix), Places(settings)
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
            RefusedJobError: the consumer would refuse the job; nothing was sent.
            ConfigurationError: the jobs topic does not exist.
            KafkaUnavailableError: no broker answered in time, or it refused this client.
            JobTooLargeError: the job does not fit into one message.
            SubmitError: the broker refused the record or did not confirm it in time.
            TransientError, PermanentError: the schema registry (EVENT_FORMAT=avro-registry).
        """
        require_acceptable(job, self._settings, _now_ms())
        return self._send(job, self._topics.jobs)

    def check(self, job: VideoJob) -> None:
        """Raises what `submit` would raise of the job itself: RefusedJobError, JobTooLargeError. Nothing is sent."""
        require_acceptable(job, self._settings, _now_ms())
        require_room(self._settings, job.job_id, len(self._codec.encode(job, self._topics.jobs)))

    def require_topic(self) -> None:
        """Ask whether the jobs topic is there, before much is done for a job; raises what `submit` would."""
        self._require(self._topics.jobs)

    def upload(self, path: str | Path) -> str:
        """Put a file into the bucket S3_BUCKET, unless its content is there; returns the address for `video_url`.

        Raises:
            UploadError: the file cannot be read, or the store does not take it.
            ConfigurationError: there is no such bucket.
        """
        from consumer.client.store import Bucket
        from consumer.client.uploading import upload

        return upload(Bucket(self._settings), Path(path), lambda step, count: None).url

    def cancel(self, job: JobHandle | str, reason: str | None = None) -> None:
        """Ask for a stop; the job's final result then says `cancelled` and keeps the chunks that were finished.

        For a job that is done, or that nobody knows, it changes nothing. A job that is sent under the same id later is
        not meant.

        Raises:
            ConfigurationError: the control topic does not exist.
            pydantic.ValidationError: it can be no job id.
            KafkaUnavailableError, SubmitError, TransientError, PermanentError: as in `submit`.
        """
        job_id = job.job_id if isinstance(job, JobHandle) else job
        self._send(CancelJob(job_id=job_id, reason=reason, created_at=_now_ms()), self._topics.control)

    def _send(self, event: VideoJob | CancelJob, topic: str) -> JobHandle:
        self._require(topic)
        if self._producer is None:
            self._producer = JobProducer(self._settings, self._submit_seconds)
        value = self._codec.encode(event, topic)
        kind = SUBMITTED if isinstance(event, VideoJob) else CANCEL_REQUESTED
        now, seconds = _now_ms(), known_seconds(event) if isinstance(event, VideoJob) else None
        headers = job_headers(event.job_id, now, self._codec.content_type, kind, video_seconds=seconds)
        return self._producer.send(topic, event.job_id, value, headers)

    def follow(
        self, jobs: Collection[JobHandle | str] | None, timeout: float | None = None
    ) -> Iterator[ChunkResult | VideoResult]:
        """Chunk results as they are committed and, after those of its chunks, each job's final result.

        Ends when all named jobs have their final result. A handle means its record; an id means the newest record that
        the jobs topic has of it now, so one that was sent again and not the one that failed before. A handle is read
        from its record's time on, a UUIDv7 from the time it tells, any other id from the beginning.

        Args:
            jobs: what to follow; None: every job from now on, for ever.
            timeout: seconds in all; None: without a limit.

        Raises:
            WaitTimeoutError: the time was over before all named jobs were done.
            ConfigurationError: a result topic does not exist, or the jobs topic where ids are named.
            KafkaUnavailableError: no broker answered at the start, or it refuses this client.
        """
        if jobs is not None and not jobs:
            return
        with self.follower(jobs, timeout) as follower:
            while not follower.done:
                yield from follower.step()
                follower.require_time()

    def follower(self, jobs: Collection[JobHandle | str] | None, timeout: float | None = None) -> Follower:
        """What `follow` is made of, for those who have to do other things in between; raises the same."""
        following = Following(None if jobs is None else self._records(jobs))
        positions = {} if following.done else self._places.of(jobs)
        for (topic, partition), offset in positions.items():
            if topic == self._topics.chunk_results:
                following.at(partition, offset)
        reader = ResultReader(self._settings, positions, _FOLLOW_FETCH_WAIT_MS)
        return Follower(reader, following, self._decode, self._topics.chunk_results, timeout)

    def chunks(self, job: JobHandle | str, timeout: float | None = None) -> Iterator[ChunkResult]:
        """The chunk results of a job as they are committed, until it is done; raises what `follow` raises."""
        for event in self.follow([job], timeout):
            if isinstance(event, ChunkResult):
                yield event

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
        events = self._read(job, self._places.of([job]))
        if not events and made_at(job_id) is not None and not isinstance(job, JobHandle):
            # The id's clock may have been far off.
            events = self._read(job, self._places.from_the_beginning())
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
        with self._reading(self._places.from_the_beginning(self._topics.jobs)) as lines:
            for line in lines:
                if line.value is not None and event_id(*line.place, line.offset, "run") == run_id:
                    return self._codec.decode(VideoJob, line.value)
        return None

    def beside(self) -> VideoJobs:
        """A client with the same settings, for another thread."""
        return VideoJobs(self._settings, self._submit_seconds)

    def close(self) -> None:
        """Let go of the clients; may be called twice."""
        if self._producer is not None:
            self._producer.close()
            self._producer = None

    def _require(self, topic: str) -> None:
        if topic not in self._known:
            self._places.require(topic)
            self._known.add(topic)

    def _read(self, job: JobHandle | str, positions: dict[Place, int]) -> list[ChunkResult | VideoResult]:
        following = Following([job])
        events: list[ChunkResult | VideoResult] = []
        with self._reading(positions) as lines:
            for line in lines:
                if line.value is not None and following.wants(line.key):
                    event = self._decode(line.place[0], line.value)
                    if not isinstance(job, JobHandle) or event.run_id == job.run_id:
                        events.append(event)
        return events

    def _records(self, jobs: Collection[JobHandle | str]) -> list[JobHandle | str]:
        """The same, with the newest record in the place of each id of which there is one."""
        ids = [job for job in jobs if isinstance(job, str)]
        if not ids:
            return list(jobs)
        with self._reading(self._places.of(ids, self._topics.jobs)) as lines:
            newest = newest_records(lines, ids)
        return [newest.get(job, job) if isinstance(job, str) else job for job in jobs]

    @contextmanager
    def _reading(self, positions: dict[Place, int]) -> Iterator[Iterator[Line]]:
        reader = ResultReader(self._settings, positions, _READ_FETCH_WAIT_MS)
        try:
            yield to_the_end(reader, positions)
        finally:
            reader.close()

    def _decode(self, topic: str, value: bytes) -> ChunkResult | VideoResult:
        if topic == self._topics.chunk_results:
            return self._codec.decode(ChunkResult, value)
        return self._codec.decode(VideoResult, value)


def known_seconds(job: VideoJob) -> float | None:
    """How much video the job asks for, where it tells: in its metadata, or by the end of the part that it names."""
    stated = seconds_in(job.metadata.get(VIDEO_SECONDS))
    if stated is not None or job.end_time is None:
        return stated
    return job.end_time - job.start_time


def _now_ms() -> int:
    return int(time.time() * 1000)
