"""The figures of the main job: chunk results a second, memory over many chunks, the cost of waiting for work.

Conditions: synthetic engine at 0 s a chunk, one worker process and one Kafka broker side by side on this machine, a
64x64 H.264 file at 4 frames a second cut into chunks of one second (4 frames each), decoded for every chunk, 16
partitions, results in JSON, every chunk result in a real transaction.
"""

from __future__ import annotations

import os
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.events.topics import Topics
from tests.benchmarks.process_cost import cpu_seconds, resident_mib
from tests.integration.system import Audit, System
from tests.integration.topic_maker import make_topics
from tests.integration.worker_process import WorkerProcess, wait_until, worker_process
from tests.media_files import make_video
from tests.services.kafka import KafkaCluster

PARTITIONS = 16
JOBS, CHUNKS_A_JOB = 48, 210
IDLE_SECONDS = 20.0
WARM_CHUNKS = 4_000
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaCluster]:
    with KafkaCluster() as cluster:
        yield cluster


@pytest.fixture
def system(kafka: KafkaCluster, tmp_path: Path) -> System:
    topics = Topics(f"b{uuid.uuid4().hex[:10]}")
    make_topics(kafka.bootstrap, topics, PARTITIONS)
    return System(kafka.bootstrap, topics, PARTITIONS, {}, "none", tmp_path)


@pytest.fixture
def worker(system: System) -> Iterator[WorkerProcess]:
    environment = system.environment(ALLOWED_PATHS=str(system.directory), LOG_LEVEL="INFO")
    with worker_process(environment, system.directory / "log") as process:
        yield process.wait_ready()


def test_an_idle_worker(worker: WorkerProcess) -> None:
    before, begun = cpu_seconds(worker.process.pid), time.monotonic()
    time.sleep(IDLE_SECONDS)
    share = (cpu_seconds(worker.process.pid) - before) / (time.monotonic() - begun)
    print(f"\nidle, {PARTITIONS} partitions owned: {100 * share:.2f} % of a core over {IDLE_SECONDS:.0f} s")
    assert share < 0.02


def test_ten_thousand_chunk_results(system: System, worker: WorkerProcess) -> None:
    video = make_video(system.directory / "video.mp4", seconds=CHUNKS_A_JOB, width=64, height=64, fps=4)
    audit = Audit(system)
    begun, cpu = time.monotonic(), cpu_seconds(worker.process.pid)
    for number in range(JOBS):
        plan = {"chunk_duration": 1, "chunk_overlap": 0, "fps": 4}
        system.submit(f"job-{number}", partition=number % PARTITIONS, video_path=str(video), **plan)
    memory: dict[int, int] = {}

    def finished() -> bool:
        seen = Counter(message.topic() for message in audit.reader.read(0.5))
        memory[seen[system.topics.chunk_results]] = resident_mib(worker.process.pid)
        return seen[system.topics.results] == JOBS

    wait_until(finished, seconds=600, what="all jobs are done")
    seconds = time.monotonic() - begun
    cpu = cpu_seconds(worker.process.pid) - cpu
    audit.check()
    audit.close()
    total = len(audit.chunks())
    assert total == JOBS * CHUNKS_A_JOB
    transactions = worker.metric("transactions_total", outcome="committed")
    warm = max(size for count, size in memory.items() if count <= WARM_CHUNKS)
    last = memory[total]
    print(
        f"\n{total} chunk results of {JOBS} jobs in {seconds:.1f} s: {total / seconds:.0f} a second; "
        f"{transactions:.0f} transactions; {1000 * cpu / total:.2f} ms of the worker's CPU a chunk; "
        f"resident memory {warm} MiB within the first {WARM_CHUNKS}, {last} MiB at the end; {os.cpu_count()} cores"
    )
    assert total / seconds >= 100
    assert last <= 1.1 * warm
