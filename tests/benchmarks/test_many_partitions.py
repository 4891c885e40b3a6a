"""What 100 busy partitions cost one process: threads and memory.

Conditions: one Kafka broker, one worker process at a time, synthetic engine, 100 ms a chunk, chunks of four frames of
64x64, a job of many chunks in each partition. Counted when each job that may be in work has published chunks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.benchmarks.load import fresh_system, submit, worker
from tests.benchmarks.process_cost import resident_mib, threads
from tests.integration.system import CommittedReader
from tests.integration.worker_process import wait_until
from tests.services.kafka import KafkaCluster

BROKERS, PARTITIONS = 1, 100
CHUNKS_A_JOB, CHUNKS_EACH = 900, 3
# librdkafka's own threads of a producer, and one for each of its brokers (the bootstrap and the coordinator count).
THREADS_A_PRODUCER = 4 + BROKERS
THREADS_OTHERWISE = 60
MIB_A_PARTITION = 3.0
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaCluster]:
    with KafkaCluster(BROKERS) as cluster:
        yield cluster


@dataclass(frozen=True)
class Size:
    """Of a process."""

    threads: int
    mib: int


def measured(kafka: KafkaCluster, directory: Path, partitions: int, jobs: int) -> Size:
    """A worker that owns so many partitions, with so many jobs in work."""
    directory.mkdir()
    system = fresh_system(kafka.bootstrap, directory, partitions)
    for partition in range(partitions):
        submit(system, f"job-{partition}", partition, CHUNKS_A_JOB)
    settings = {"MAX_CONCURRENT_JOBS": str(jobs), "SYNTHETIC_SECONDS_PER_CHUNK": "0.1"}
    reader = CommittedReader(system, system.topics.chunk_results)
    with worker(system, "worker", **settings) as process:

        def busy() -> bool:
            seen = [message.partition() for message in reader.read(0.2)]
            return sum(seen.count(partition) >= CHUNKS_EACH for partition in set(seen)) >= jobs

        wait_until(busy, seconds=180, what="each job in work has published chunks")
        assert process.metric("jobs_in_progress") == jobs
        reader.close()
        return Size(threads(process.process.pid), resident_mib(process.process.pid))


def test_many_partitions(kafka: KafkaCluster, tmp_path: Path) -> None:
    one = measured(kafka, tmp_path / "one", 1, 1)
    few = measured(kafka, tmp_path / "few", PARTITIONS, 16)
    many = measured(kafka, tmp_path / "many", PARTITIONS, PARTITIONS)
    print(f"\none process, {BROKERS} broker, {os.cpu_count()} cores")
    print(f"  1 partition, busy: {one.threads} threads, {one.mib} MiB resident")
    print(f"  {PARTITIONS} partitions, MAX_CONCURRENT_JOBS=16: {few.threads} threads, {few.mib} MiB")
    print(f"  {PARTITIONS} partitions, MAX_CONCURRENT_JOBS={PARTITIONS}: {many.threads} threads, {many.mib} MiB")
    assert many.threads <= PARTITIONS * THREADS_A_PRODUCER + THREADS_OTHERWISE
    assert many.mib <= one.mib + PARTITIONS * MIB_A_PARTITION
