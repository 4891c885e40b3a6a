"""A rolling restart with dynamic and with static members, side by side: what moves, what stands still, what is lost.

Conditions: one Kafka broker and three workers on this machine, 12 partitions, each busy with one long job, results in
JSON; the synthetic engine at 1 s a chunk, 8 chunks in work in each worker, so one to three a partition; sessions of
20 s. Each worker in turn gets SIGTERM and 5 s of grace, is away for 5 s (a model that is loaded), and is started again;
the next one's turn comes when it is ready, as on Kubernetes. Then one is killed and started again at once, and two go
without a successor.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.load import fresh_system, moments, small_video, submit, worker
from tests.integration.system import CommittedReader, System
from tests.integration.worker_process import WorkerProcess, wait_until
from tests.services.kafka import KafkaCluster

PARTITIONS, CHUNKS_A_JOB = 12, 600
SLOTS = ("a", "b", "c")
SESSION_MS, LOAD_SECONDS, QUIET_SECONDS = 20_000, 5.0, 10.0
SCALED_DOWN = "SIGTERM, no successor: no owner for, s"
# After the session, the broker's next look at it and the hand-over.
MOVED_SECONDS = SESSION_MS / 1000 + 30
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaCluster]:
    with KafkaCluster(1, {"group.consumer.session.timeout.ms": str(SESSION_MS)}) as cluster:
        yield cluster


@dataclass
class Fleet:
    """One worker a slot, and every process that a slot ever had; `static`: the slot's name is the instance id."""

    system: System
    stack: ExitStack
    protocol: str
    static: bool
    current: dict[str, WorkerProcess] = field(default_factory=dict)
    processes: list[tuple[str, WorkerProcess]] = field(default_factory=list)

    def start(self, slot: str) -> None:
        """Until it is ready."""
        settings = {
            "KAFKA_GROUP_PROTOCOL": self.protocol,
            "SYNTHETIC_SECONDS_PER_CHUNK": "1.0",
            "MAX_CONCURRENT_CHUNKS": "8",
            "SHUTDOWN_GRACE_SECONDS": "5",
            "LOG_LEVEL": "DEBUG",
        }
        if self.static:
            settings["KAFKA_GROUP_INSTANCE_ID"] = slot
        if self.protocol == "classic":
            settings["KAFKA_CONSUMER_SESSION_TIMEOUT_MS"] = str(SESSION_MS)
        process = self.stack.enter_context(worker(self.system, f"{slot}{len(self.processes)}", **settings))
        self.current[slot] = process
        self.processes.append((slot, process))

    def end(self, slot: str, number: signal.Signals) -> float:
        """Returns when it had ended, s since the epoch."""
        process = self.current.pop(slot)
        process.signal(number)
        process.wait()
        return time.time()

    def changes(self) -> list[tuple[float, str, int]]:
        """Each assignment of a partition: when, to which slot, which partition."""
        found = [
            (when, slot, number)
            for slot, process in self.processes
            for when, record in moments(process, "assigned")
            for number in record["partitions"]
        ]
        return sorted(found)

    def owners(self) -> dict[int, str]:
        """The slot that was given each partition last."""
        return {number: slot for _, slot, number in self.changes()}

    def shared_out(self) -> bool:
        """Whether each slot has its share."""
        return Counter(self.owners().values()) == dict.fromkeys(SLOTS, PARTITIONS // len(SLOTS))

    def moves(self, since: float) -> int:
        """How often a partition went to another slot."""
        owner: dict[int, str] = {}
        moved = 0
        for when, slot, number in self.changes():
            moved += when >= since and owner[number] != slot
            owner[number] = slot
        return moved

    def asked_again(self, since: float) -> int:
        """How many chunks the engine was asked for although it had been asked before."""
        asked: list[tuple[float, Any]] = [
            (when, (record["job_id"], record["chunk_index"]))
            for _, process in self.processes
            for when, record in moments(process, "engine_asked")
        ]
        before = {chunk for when, chunk in asked if when < since}
        after = [chunk for when, chunk in asked if when >= since]
        return len(after) - len(set(after) - before)

    def ownerless_seconds(self, slot: str, number: signal.Signals, *, successor: bool = False) -> float:
        """End a worker, perhaps start its successor; returns how long after its end its partitions had new owners."""
        left = {partition for partition, owner in self.owners().items() if owner == slot}
        begun = time.time()
        gone = self.end(slot, number)
        if successor:
            self.start(slot)

        def found() -> dict[int, float]:
            again = [(when, partition) for when, _, partition in self.changes() if when > begun and partition in left]
            return {partition: when for when, partition in reversed(again)}

        wait_until(lambda: found().keys() == left, seconds=MOVED_SECONDS, what=f"the partitions of {slot} are owned")
        # One that leaves in order hands over before its process has ended.
        return max(0.0, max(found().values()) - gone)


def largest_gaps(reader: CommittedReader, begin: float, end: float) -> list[float]:
    """For each partition the longest time between two chunk results, within these moments, seconds."""
    times: dict[int, list[float]] = {number: [begin, end] for number in range(PARTITIONS)}
    for message in reader.read(1.0):
        when = message.timestamp()[1] / 1000
        if begin < when < end:
            times[message.partition() or 0].append(when)
    return [max(later - earlier for earlier, later in pairwise(sorted(found))) for found in times.values()]


def measure(kafka: KafkaCluster, directory: Path, protocol: str, static: bool) -> dict[str, float]:
    """The rows of one column."""
    directory.mkdir()
    system = fresh_system(kafka.bootstrap, directory, PARTITIONS)
    reader = CommittedReader(system, system.topics.chunk_results)
    with ExitStack() as stack:
        stack.callback(reader.close)
        fleet = Fleet(system, stack, protocol, static)
        for slot in SLOTS:
            fleet.start(slot)
        wait_until(fleet.shared_out, seconds=60, what="the workers share the partitions")
        for number in range(PARTITIONS):
            submit(system, f"job-{number}", number, CHUNKS_A_JOB)
        wait_until(lambda: busy(reader), seconds=60, what="every partition has a result")
        quiet = time.time()
        time.sleep(QUIET_SECONDS)
        begin = time.time()
        for slot in SLOTS:
            fleet.end(slot, signal.SIGTERM)
            time.sleep(LOAD_SECONDS)
            fleet.start(slot)
        wait_until(fleet.shared_out, seconds=60, what="the workers share the partitions again")
        end = time.time()
        moved, again = fleet.moves(begin), fleet.asked_again(begin)
        gaps = largest_gaps(reader, begin, end)
        crashed = fleet.ownerless_seconds("a", signal.SIGKILL, successor=True)
        wait_until(fleet.shared_out, seconds=60, what="the workers share the partitions after a crash")
        return {
            "restart of all three, s": end - begin,
            "partitions that moved": moved,
            "chunks computed again": again,
            "standstill, sum over partitions, s": sum(gaps),
            "... of the longest, s": max(gaps),
            "... without a restart, sum, s": sum(largest_gaps(reader, quiet, begin)),
            "SIGKILL, successor at once: no owner for, s": crashed,
            SCALED_DOWN: fleet.ownerless_seconds("c", signal.SIGTERM),
            "SIGKILL, no successor: no owner for, s": fleet.ownerless_seconds("b", signal.SIGKILL),
        }


def busy(reader: CommittedReader) -> bool:
    return len({message.partition() for message in reader.read(0.2)}) == PARTITIONS


def table(protocol: str, columns: Mapping[str, Mapping[str, float]]) -> str:
    """Markdown, a column a kind of membership."""
    lines = [f"| {protocol} protocol | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for row in columns["dynamic"]:
        cells = [
            f"{column[row]:.0f}" if float(column[row]).is_integer() else f"{column[row]:.1f}"
            for column in columns.values()
        ]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_rolling_restart(kafka: KafkaCluster, tmp_path: Path, protocol: str) -> None:
    small_video()
    dynamic = measure(kafka, tmp_path / "dynamic", protocol, static=False)
    static = measure(kafka, tmp_path / "static", protocol, static=True)
    print(f"\n{table(protocol, {'dynamic': dynamic, 'static': static})}\n{os.cpu_count()} cores")
    assert static["partitions that moved"] == static["chunks computed again"] == 0
    assert dynamic["partitions that moved"] >= PARTITIONS
    assert static[SCALED_DOWN] > dynamic[SCALED_DOWN]
