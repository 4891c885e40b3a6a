"""What exactly-once costs: the worker against the same worker without transactions, side by side.

Conditions: synthetic engine, one worker process and one Kafka broker on this machine, chunks of four frames of 64x64
decoded for every chunk, 16 partitions, results in JSON. The other variant (`altered`, word `plain`) produces the same
records with one idempotent producer for all partitions, flushes it, and commits the same offset and metadata where the
product ends a transaction.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.benchmarks.load import fresh_system, moments, submit, worker
from tests.benchmarks.process_cost import cpu_seconds, thread_seconds
from tests.integration.system import Audit, System
from tests.integration.worker_process import WorkerProcess, wait_until
from tests.services.kafka import KafkaCluster

PARTITIONS = 16
JOBS, CHUNKS_A_JOB = 32, 120
ORDER = ("transactions", "plain", "transactions", "plain")
GPU_CHUNKS_A_SECOND = 2.0
SETTLE_SECONDS, MEASURE_SECONDS = 8.0, 40.0
WORDS = {"transactions": (), "plain": ("plain",)}
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaCluster]:
    with KafkaCluster() as cluster:
        yield cluster


def test_throughput(kafka: KafkaCluster, tmp_path: Path) -> None:
    rates: dict[str, list[float]] = {"transactions": [], "plain": []}
    shared = 0.0
    for number, variant in enumerate(ORDER):
        directory = tmp_path / str(number)
        directory.mkdir()
        system = fresh_system(kafka.bootstrap, directory, PARTITIONS)
        with worker(system, variant, *WORDS[variant]) as process:
            rates[variant].append(JOBS * CHUNKS_A_JOB / all_jobs(system))
            if variant == "transactions":
                shared = JOBS * CHUNKS_A_JOB / process.metric("transactions_total", outcome="committed")
    ratio = statistics.mean(rates["transactions"]) / statistics.mean(rates["plain"])
    told = ", ".join(f"{rates[variant][number // 2]:.0f} {variant}" for number, variant in enumerate(ORDER))
    print(
        f"\nchunk results a second, {JOBS * CHUNKS_A_JOB} each, {PARTITIONS} partitions: {told}; "
        f"with transactions {ratio:.2f} of it without; {shared:.2f} chunks a transaction; {os.cpu_count()} cores"
    )
    assert ratio >= 0.5


def all_jobs(system: System) -> float:
    """Seconds from the first job submitted to the last final result read; the audit must be clean."""
    audit = Audit(system)
    began = time.monotonic()
    for number in range(JOBS):
        submit(system, f"job-{number}", number % PARTITIONS, CHUNKS_A_JOB)

    def finished() -> bool:
        seen = Counter(message.topic() for message in audit.reader.read(0.2))
        return seen[system.topics.results] == JOBS

    wait_until(finished, seconds=300, what="all jobs are done")
    seconds = time.monotonic() - began
    audit.check()
    audit.close()
    assert len(audit.chunks()) == JOBS * CHUNKS_A_JOB
    return seconds


@dataclass(frozen=True)
class Usage:
    """What a worker had used, and done, at a moment."""

    moment: float
    process: float
    thread: float
    chunks: float

    @classmethod
    def of(cls, process: WorkerProcess) -> Usage:
        ((_, line),) = moments(process, "io_thread")
        pid = process.process.pid
        chunks = process.metric("chunks_total", status="succeeded")
        return cls(time.monotonic(), cpu_seconds(pid), thread_seconds(pid, line["thread"]), chunks)


def busy(process: WorkerProcess) -> bool:
    return process.metric("jobs_in_progress") == PARTITIONS


def test_at_the_rate_of_a_gpu(kafka: KafkaCluster, tmp_path: Path) -> None:
    """Both variants at the same time, so that the machine is the same for both."""
    slow = {"SYNTHETIC_SECONDS_PER_CHUNK": str(1 / GPU_CHUNKS_A_SECOND), "MAX_CONCURRENT_CHUNKS": "1"}
    with ExitStack() as stack:
        workers = {}
        for variant, words in WORDS.items():
            directory = tmp_path / variant
            directory.mkdir()
            system = fresh_system(kafka.bootstrap, directory, PARTITIONS)
            workers[variant] = stack.enter_context(worker(system, variant, "io_thread", *words, **slow))
            for partition in range(PARTITIONS):
                submit(system, f"job-{partition}", partition, CHUNKS_A_JOB)
        for process in workers.values():
            wait_until(partial(busy, process), seconds=60, what="all partitions are busy")
        time.sleep(SETTLE_SECONDS)
        before = {variant: Usage.of(process) for variant, process in workers.items()}
        time.sleep(MEASURE_SECONDS)
        after = {variant: Usage.of(process) for variant, process in workers.items()}
    share, thread, rate = {}, {}, {}
    for variant in WORDS:
        seconds = after[variant].moment - before[variant].moment
        share[variant] = (after[variant].process - before[variant].process) / seconds
        thread[variant] = (after[variant].thread - before[variant].thread) / seconds
        rate[variant] = (after[variant].chunks - before[variant].chunks) / seconds
    cost = share["transactions"] - share["plain"]
    told = "; ".join(
        f"{variant}: {rate[variant]:.2f} chunks a second, {100 * share[variant]:.2f} % of a core "
        f"(I/O thread {100 * thread[variant]:.2f} %)"
        for variant in WORDS
    )
    print(
        f"\nat a GPU's rate, {PARTITIONS} busy partitions, {MEASURE_SECONDS:.0f} s: {told}; "
        f"transactions cost {100 * cost:.2f} % of a core; {os.cpu_count()} cores"
    )
    assert all(abs(one - GPU_CHUNKS_A_SECOND) < 0.2 for one in rate.values())
    assert cost < 0.01
