"""What it costs to be watched: the time of a page, and the metrics' share of a worker's CPU.

Conditions: synthetic engine, one worker process and one Kafka broker on this machine, chunks of four frames of 64x64
decoded for every chunk. The page is read with 100 jobs in work, 1 s a chunk. The share is that of the throughput
benchmark (`test_exactly_once`), in which a chunk costs as little as it can; the page is read after every five seconds
of the worker's CPU, three times as often as deploy/prometheus/prometheus.yml asks a busy worker for it. All of it is
CPU time, so that the figure is the same on a machine that has other things to do. Of the consumer that reads ahead for
the backlog the share holds this package's part; librdkafka's own threads are not in it.
"""

from __future__ import annotations

import os
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.load import fresh_system, moments, submit, worker
from tests.benchmarks.process_cost import cpu_seconds
from tests.benchmarks.test_exactly_once import CHUNKS_A_JOB, JOBS, PARTITIONS, all_jobs
from tests.integration.worker_process import WorkerProcess, wait_until
from tests.services.kafka import KafkaCluster

JOBS_IN_WORK, LOOKS = 100, 100
PAGE_SECONDS, CPU_SHARE = 0.050, 0.01
EVERY_CPU_SECONDS, LOOK_SECONDS = 5.0, 0.2
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaCluster]:
    with KafkaCluster() as cluster:
        yield cluster


def page_seconds(process: WorkerProcess, path: str) -> list[float]:
    """How long each of so many requests took, in order of length."""
    found = []
    for _ in range(LOOKS):
        began = time.monotonic()
        status, _ = process.get(path)
        found.append(time.monotonic() - began)
        assert status == 200
    return sorted(found)


def test_a_page_with_a_hundred_jobs_in_work(kafka: KafkaCluster, tmp_path: Path) -> None:
    system = fresh_system(kafka.bootstrap, tmp_path, JOBS_IN_WORK)
    for partition in range(JOBS_IN_WORK):
        submit(system, f"job-{partition}", partition, CHUNKS_A_JOB)
    settings = {"MAX_CONCURRENT_JOBS": str(JOBS_IN_WORK), "SYNTHETIC_SECONDS_PER_CHUNK": "1"}
    with worker(system, "worker", **settings) as process:
        wait_until(lambda: process.metric("jobs_in_progress") == JOBS_IN_WORK, seconds=120, what="all are in work")
        # The port stands in the log: not to be looked up within the time that is measured.
        size = len(process.get("/metrics")[1])
        pages = page_seconds(process, "/metrics")
        assert process.metric("jobs_in_progress") == JOBS_IN_WORK
    print(
        f"\n/metrics with {JOBS_IN_WORK} jobs in work: {size / 1024:.0f} KiB, median "
        f"{statistics.median(pages) * 1000:.1f} ms, 95 % within {pages[int(LOOKS * 0.95) - 1] * 1000:.1f} ms, longest "
        f"{pages[-1] * 1000:.1f} ms; {os.cpu_count()} cores"
    )
    assert pages[int(LOOKS * 0.95) - 1] < PAGE_SECONDS


def test_the_share_of_the_metrics_in_the_cpu_of_the_throughput_benchmark(kafka: KafkaCluster, tmp_path: Path) -> None:
    system = fresh_system(kafka.bootstrap, tmp_path, PARTITIONS)
    with worker(system, "worker", "metered") as process:
        done = threading.Event()

        def scrape() -> None:
            pid, before = process.process.pid, cpu_seconds(process.process.pid)
            while not done.wait(LOOK_SECONDS):
                if cpu_seconds(pid) - before >= EVERY_CPU_SECONDS:
                    before = cpu_seconds(pid)
                    assert process.get("/metrics")[0] == 200

        scraper = threading.Thread(target=scrape)
        scraper.start()
        seconds = all_jobs(system)
        done.set()
        scraper.join()
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
    ((_, told),) = moments(process, "metered")
    parts = {name: spent / told["process"] for name, spent in told["seconds"].items()}
    each = ", ".join(f"{name} {share:.2%} ({told['calls'][name]:,} calls)" for name, share in parts.items())
    print(
        f"\n{JOBS * CHUNKS_A_JOB} chunks in {seconds:.0f} s, {told['process']:.1f} s of CPU: metrics "
        f"{sum(parts.values()):.2%} of it ({each}); {os.cpu_count()} cores"
    )
    # Of each chunk its counts, its tokens and what is left of the backlog.
    assert told["calls"]["putting off"] > 3 * JOBS * CHUNKS_A_JOB
    assert sum(parts.values()) < CPU_SHARE
