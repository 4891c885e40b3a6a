"""What a fifth worker does to four with 32 busy partitions.

Conditions: one Kafka broker, five worker processes and the reader side by side on this machine; synthetic engine, one
second a chunk, as many chunks in work in each worker as it has partitions, so that each partition commits about one
chunk a second; chunks of four frames of 64x64. Gaps are those between two chunks of a partition as a committed reader
gets them. The rebalance lasts from the first `revoked` line of the four to the first chunk that the fifth asks its
engine for in the last of the partitions that it gets.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from types import TracebackType

import pytest

from tests.benchmarks.load import fresh_system, moments, submit, worker
from tests.integration.system import CommittedReader, System
from tests.integration.worker_process import WorkerProcess, wait_until
from tests.services.kafka import KafkaCluster

PARTITIONS, WORKERS = 32, 4
CHUNKS_A_JOB = 900
CHUNK_SECONDS = 1.0
SETTLE_SECONDS, BEFORE_SECONDS, AFTER_SECONDS, SECONDS = 10.0, 20.0, 5.0, 90.0
MOST_HANDOVER_SECONDS = 5.0
# A retained partition misses no turn.
MOST_RETAINED_GAP_SECONDS = 2 * CHUNK_SECONDS
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaCluster]:
    with KafkaCluster() as cluster:
        yield cluster


class Commits:
    """When a committed reader got each chunk, by partition; it reads in a thread of its own."""

    def __init__(self, system: System) -> None:
        self._reader = CommittedReader(system, system.topics.chunk_results)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self.times: dict[int, list[float]] = defaultdict(list)

    def __enter__(self) -> Commits:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._reader.close()

    def _read(self) -> None:
        seen = 0
        while not self._over.is_set():
            messages = self._reader.read(0.02)
            for message in messages[seen:]:
                self.times[message.partition() or 0].append(time.time())
            seen = len(messages)

    def largest_gap(self, partition: int, begin: float, end: float) -> float:
        """Of the gaps between two chunks that overlap with that time."""
        return max(
            after - before for before, after in pairwise(self.times[partition]) if after > begin and before < end
        )

    def close(self) -> None:
        self._reader.close()


def owned(process: WorkerProcess) -> dict[int, float]:
    """The partitions that it has by its log, and when it got them."""
    found: dict[int, float] = {}
    for when, line in moments(process, "assigned"):
        found |= dict.fromkeys(line["partitions"], when)
    for when, line in moments(process, "revoked"):
        for partition in line["partitions"]:
            if found.get(partition, when) < when:
                del found[partition]
    return found


def asked(process: WorkerProcess) -> dict[int, float]:
    """When it first asked its engine for a chunk of each partition; the job's id is the partition's number."""
    found: dict[int, float] = {}
    for when, line in moments(process, "engine_asked"):
        if line["chunk_index"] is not None:
            found.setdefault(int(line["job_id"].removeprefix("job-")), when)
    return found


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_a_fifth_worker(kafka: KafkaCluster, tmp_path: Path, protocol: str) -> None:
    system = fresh_system(kafka.bootstrap, tmp_path, PARTITIONS)
    settings = {
        "KAFKA_GROUP_PROTOCOL": protocol,
        "SYNTHETIC_SECONDS_PER_CHUNK": str(CHUNK_SECONDS),
        "MAX_CONCURRENT_CHUNKS": str(PARTITIONS // WORKERS),
        "DECODER_THREADS": "1",
        "LOG_LEVEL": "DEBUG",
    }
    with ExitStack() as stack:
        old = [stack.enter_context(worker(system, f"worker-{number}", **settings)) for number in range(WORKERS)]
        wait_until(
            lambda: all(len(owned(one)) == PARTITIONS // WORKERS for one in old),
            seconds=SECONDS,
            what="each of the four has its partitions",
        )
        commits = stack.enter_context(Commits(system))
        for partition in range(PARTITIONS):
            submit(system, f"job-{partition}", partition, CHUNKS_A_JOB)
        wait_until(lambda: len(commits.times) == PARTITIONS, seconds=SECONDS, what="each partition commits chunks")
        time.sleep(SETTLE_SECONDS)
        steady = time.time()
        time.sleep(BEFORE_SECONDS)
        joined = time.time()
        fifth = stack.enter_context(worker(system, "worker-new", **settings))
        share = PARTITIONS // (WORKERS + 1)
        wait_until(
            lambda: len(owned(fifth)) >= share and asked(fifth).keys() >= owned(fifth).keys(),
            seconds=SECONDS,
            what="it works on all that it got",
        )
        time.sleep(AFTER_SECONDS)
        taken, begun = owned(fifth), asked(fifth)
        revoked = {
            partition: when
            for one in old
            for when, line in moments(one, "revoked")
            for partition in line["partitions"]
            if when > joined
        }
        assert revoked.keys() == taken.keys(), "what is taken away is what the fifth gets, and nothing else"
        retained = sorted(set(range(PARTITIONS)) - taken.keys())
        begin, end = min(revoked.values()), max(begun[partition] for partition in taken)
        before = [commits.largest_gap(partition, steady, joined) for partition in retained]
        starting = [commits.largest_gap(partition, joined, begin) for partition in retained]
        during = [commits.largest_gap(partition, begin, end) for partition in retained]
        handed = [begun[partition] - revoked[partition] for partition in taken]
        print(
            f"\nrebalance, {protocol} protocol, {PARTITIONS} busy partitions, a fifth worker gets {len(taken)}: "
            f"handed over in {statistics.median(handed):.2f} s (median), {max(handed):.2f} s at most; "
            f"{len(retained)} retained, largest gap between two chunks {max(before):.2f} s before, "
            f"{max(starting):.2f} s while the process starts, {max(during):.2f} s in the {end - begin:.2f} s of the "
            f"rebalance; {os.cpu_count()} cores"
        )
        assert max(handed) < MOST_HANDOVER_SECONDS
        assert max(during) < MOST_RETAINED_GAP_SECONDS
