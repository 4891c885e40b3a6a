"""A cluster and its readers as `VideoJobs` sees them: topics are lists of records, everything is there at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

import pytest

from consumer.client import jobs, places
from consumer.client.producer import JobHandle
from consumer.client.reader import Line
from consumer.events.codec import EventCodec
from consumer.events.models import ChunkResult, VideoResult
from consumer.settings import Settings, load_settings
from consumer.stream.cluster import Place
from consumer.stream.unavailable import KafkaUnavailableError

SETTINGS = load_settings(environment={"EVENT_FORMAT": "avro"}).settings
CODEC = EventCodec.from_settings(SETTINGS)
CHUNKS, RESULTS = "video.chunk-results", "video.results"
PARTITION = 1


@dataclass(slots=True)
class FakeKafka:
    """Holds the records; also stands for the classes that `VideoJobs` makes its clients of.

    Args:
        topics: partitions by name.
        records: key, value and time stamp by topic and partition, offsets from 0.
        mute: readers hand out nothing, not even an end.
    """

    topics: dict[str, int]
    records: dict[Place, list[tuple[bytes, bytes, int]]] = field(default_factory=dict)
    mute: bool = False
    sent: list[tuple[str, str, bytes, dict[str, str | bytes | None]]] = field(default_factory=list)
    started: list[dict[Place, int]] = field(default_factory=list)
    """Where each reader began."""
    open: int = 0
    """Readers and producers that were not closed."""

    @classmethod
    def installed(cls, monkeypatch: pytest.MonkeyPatch) -> Self:
        """One with our topics, in place of the real one wherever `VideoJobs` is used."""
        kafka = cls({"video.jobs": 2, "video.jobs.control": 2, CHUNKS: 2, RESULTS: 2})
        monkeypatch.setattr(places, "Cluster", kafka.cluster)
        monkeypatch.setattr(jobs, "ResultReader", kafka.reader)
        monkeypatch.setattr(jobs, "JobProducer", kafka.producer)
        return kafka

    def publish(self, *events: ChunkResult | VideoResult, at: int = 5_000) -> None:
        """Results as a consumer would have committed them, with the time stamp `at`."""
        for event in events:
            topic = CHUNKS if isinstance(event, ChunkResult) else RESULTS
            record = event.job_id.encode(), CODEC.encode(event, topic), at
            self.records.setdefault((topic, PARTITION), []).append(record)

    def send(self, job_id: str, at: int) -> JobHandle:
        """A record of a job in the jobs topic, whose value nobody looks at, with the time stamp `at`."""
        records = self.records.setdefault(("video.jobs", PARTITION), [])
        records.append((job_id.encode(), b"", at))
        return JobHandle(job_id, "video.jobs", PARTITION, len(records) - 1, at)

    def cluster(self, settings: Settings) -> FakeCluster:
        return FakeCluster(self)

    def reader(self, settings: Settings, positions: Mapping[Place, int], fetch_wait_ms: int) -> FakeReader:
        self.started.append(dict(positions))
        self.open += 1
        return FakeReader(self, dict(positions))

    def producer(self, settings: Settings, seconds: float) -> FakeProducer:
        self.open += 1
        return FakeProducer(self)


@dataclass(slots=True)
class FakeCluster:
    kafka: FakeKafka

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    def partitions(self, names: Collection[str]) -> dict[str, int]:
        return {name: count for name, count in self.kafka.topics.items() if name in names}

    def first_offsets(self, places: Iterable[Place]) -> dict[Place, int]:
        return dict.fromkeys(places, 0)

    def end_offsets(self, places: Iterable[Place]) -> dict[Place, int]:
        return {place: len(self.kafka.records.get(place, [])) for place in places}

    def offsets_at(self, places: Iterable[Place], milliseconds: int) -> dict[Place, int]:
        found = {}
        for place in places:
            records = self.kafka.records.get(place, [])
            later = [offset for offset, record in enumerate(records) if record[2] >= milliseconds]
            found[place] = later[0] if later else len(records)
        return found


@dataclass(slots=True)
class FakeReader:
    """Hands out one place after the other, each with the news of its end."""

    kafka: FakeKafka
    positions: dict[Place, int]
    ended: set[Place] = field(default_factory=set)

    def poll(self, seconds: float) -> Line | None:
        if self.kafka.mute:
            return None
        for place, offset in self.positions.items():
            records = self.kafka.records.get(place, [])
            if offset < len(records):
                self.positions[place] += 1
                key, value, timestamp = records[offset]
                return Line(place, offset, key, value, timestamp=timestamp)
            if place not in self.ended:
                self.ended.add(place)
                return Line(place, offset)
        return None

    def silent_for(self, seconds: float) -> KafkaUnavailableError:
        return KafkaUnavailableError("silent")

    def close(self) -> None:
        self.kafka.open -= 1


@dataclass(slots=True)
class FakeProducer:
    kafka: FakeKafka

    def send(self, topic: str, job_id: str, value: bytes, headers: list[tuple[str, str | bytes | None]]) -> JobHandle:
        self.kafka.sent.append((topic, job_id, value, dict(headers)))
        return JobHandle(job_id, topic, 1, len(self.kafka.sent) - 1, 1_000)

    def close(self) -> None:
        self.kafka.open -= 1
