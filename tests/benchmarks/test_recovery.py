"""How long a new owner takes from its assignment to the first new chunk of a job of which 600 are finished.

Conditions: one Kafka broker, 16 partitions, all of which the new worker has to take over; the job is in the last one.
Synthetic engine; chunks of four frames of 64x64. The worker before is killed by SIGKILL. The time is that between two
lines of the new worker's log: `assigned`, and the first `engine_asked` for a chunk beyond the 600. No chunk beyond them
is ever published, so that each repetition finds the same state. The time until the group misses the killed worker is
not in it.
"""

from __future__ import annotations

import json
import os
import statistics
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from consumer.events.headers import JobPosition, cloud_event_headers
from tests.benchmarks.load import fresh_system, moments, submit, worker
from tests.integration.system import System
from tests.integration.worker_process import WorkerProcess, wait_until
from tests.services.kafka import KafkaCluster

PARTITIONS, PARTITION = 16, 15
FINISHED, CHUNKS = 600, 640
OLD_RECORDS, OLD_BYTES = 10_000, 1500
REPEATS = 5
SECONDS = 60.0
SETTINGS = {"LOG_LEVEL": "DEBUG", "MAX_ATTEMPTS": "100"}
HELD = f"held={FINISHED}"
# The first transaction with chunks is at the broker, and neither committed nor aborted, when its worker is killed.
STOPPED = "stop=flushed:chunk:1"
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaCluster]:
    with KafkaCluster(properties={"group.consumer.session.timeout.ms": "3000"}) as cluster:
        yield cluster


@dataclass
class Stage:
    """A deployment in which the 600 are finished, and nobody is at work."""

    system: System
    runs: int = 0

    @contextmanager
    def next_owner(self, word: str) -> Iterator[WorkerProcess]:
        """A worker that is killed at the end; handed out when it has been assigned the partition."""
        self.runs += 1
        with worker(self.system, f"worker-{self.runs}", word, **SETTINGS) as process:
            yield process

    def seconds(self, word: str = HELD) -> float:
        """From its assignment to its first new chunk."""
        with self.next_owner(word) as process:
            wait_until(lambda: first_new(process), seconds=SECONDS, what="a new chunk")
            (assigned,) = [when for when, line in moments(process, "assigned") if PARTITION in line["partitions"]]
            (found,) = [line["chunks"] for _, line in moments(process, "read_back")]
            assert found == FINISHED
            if word == STOPPED:
                wait_until(lambda: stopped(process), seconds=SECONDS, what="a transaction is open")
            return first_new(process)[0] - assigned

    def lose_metadata(self) -> None:
        """As an operator does who resets the group to the job's offset, once the killed worker is missed."""
        admin = AdminClient({"bootstrap.servers": self.system.bootstrap})
        place = TopicPartition(self.system.topics.jobs, PARTITION, 0)

        def done() -> bool:
            asked = [ConsumerGroupTopicPartitions(self.system.group, [place])]
            (answer,) = admin.alter_consumer_group_offsets(asked).values()
            try:
                return answer.result(SECONDS).topic_partitions[0].error is None
            except KafkaException:
                return False

        wait_until(done, seconds=SECONDS, what="the offset is reset", every=0.2)


def first_new(process: WorkerProcess) -> list[float]:
    """When chunks beyond the finished ones were handed to the engine, first one first."""
    return [when for when, line in moments(process, "engine_asked") if (line["chunk_index"] or 0) >= FINISHED]


def stopped(process: WorkerProcess) -> bool:
    status = Path(f"/proc/{process.process.pid}/stat").read_text(encoding="ascii")
    return status.rpartition(")")[2].split()[0] == "T"


def staged(kafka: KafkaCluster, directory: Path, old_records: int) -> Stage:
    """The job waited while results of others were written to its partition; then 600 of its chunks were finished."""
    directory.mkdir()
    system = fresh_system(kafka.bootstrap, directory, PARTITIONS)
    submit(system, "job", PARTITION, CHUNKS)
    write_results_of_others(system, old_records)
    stage = Stage(system)
    with stage.next_owner(HELD) as process:
        wait_until(lambda: len(moments(process, "engine_asked")) > FINISHED, seconds=120, what="the 600 are computed")
        wait_until(lambda: done(system) == f"0-{FINISHED - 1}", seconds=SECONDS, what="the 600 are committed")
    return stage


def done(system: System) -> str:
    """The finished chunks in the metadata of the job's offset."""
    text = system.committed_offsets().get(PARTITION, (0, "{}"))[1].rstrip("\0")
    return str(json.loads(text or "{}").get("done"))


def write_results_of_others(system: System, count: int) -> None:
    producer = Producer({"bootstrap.servers": system.bootstrap, "linger.ms": 20})
    for number in range(count):
        headers = cloud_event_headers(
            position=JobPosition(system.topics.jobs, PARTITION, 1_000_000),
            kind="chunk.completed",
            chunk_index=number,
            subject=uuid.uuid4().hex,
            time_ms=time.time_ns() // 1_000_000,
            content_type="application/json",
            traceparent=None,
        )
        value = os.urandom(OLD_BYTES)
        producer.produce(system.topics.chunk_results, value, b"other", PARTITION, headers=list(headers))
    assert producer.flush(SECONDS) == 0


def test_recovery(kafka: KafkaCluster, tmp_path: Path) -> None:
    figures: dict[tuple[str, int], float] = {}
    for old in (0, OLD_RECORDS):
        stage = staged(kafka, tmp_path / f"old-{old}", old)
        figures["killed between transactions", old] = statistics.median(stage.seconds() for _ in range(REPEATS))
        stage.seconds(STOPPED)  # the first that leaves one open
        figures["killed in a transaction", old] = statistics.median(stage.seconds(STOPPED) for _ in range(REPEATS))
        stage.seconds()
        times = []
        for _ in range(REPEATS):
            stage.lose_metadata()
            times.append(stage.seconds())
        figures["metadata lost", old] = statistics.median(times)
    print(
        f"\nrecovery of {FINISHED} finished chunks, {PARTITIONS} partitions assigned, median of {REPEATS}; "
        f"{os.cpu_count()} cores"
    )
    for (name, old), seconds in figures.items():
        print(f"  {name}, {old} records of other jobs before them: {seconds:.2f} s")
    without, with_old = (figures["killed between transactions", old] for old in (0, OLD_RECORDS))
    assert without < 2
    assert with_old < 2
    assert with_old <= 1.5 * without
