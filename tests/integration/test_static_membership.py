"""Static members (KAFKA_GROUP_INSTANCE_ID): a restart that moves nothing, a predecessor that died, a mistaken twin."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.integration.system import Audit, System
from tests.integration.worker_process import WorkerProcess, wait_until, worker_process
from tests.services.kafka import KafkaCluster

JOBS = 12
# A restart must fit into the long ones, also on a machine that is busy.
SESSION_MS, SOME_SESSION_MS, SHORT_SESSION_MS = 20_000, 10_000, 3_000
REBALANCES = ("assigned", "revoked", "lost")
PROTOCOLS = ("consumer", "classic")
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def kafka(fetched: None) -> Iterator[KafkaCluster]:
    with KafkaCluster(1, {"group.consumer.session.timeout.ms": str(SESSION_MS)}) as cluster:
        yield cluster


def member(system: System, protocol: str, name: str, log: str) -> AbstractContextManager[WorkerProcess]:
    """A worker that is the static member `name`."""
    settings = {
        "KAFKA_GROUP_PROTOCOL": protocol,
        "KAFKA_GROUP_INSTANCE_ID": name,
        "SYNTHETIC_SECONDS_PER_CHUNK": "0.5",
    }
    if protocol == "classic":
        settings["KAFKA_CONSUMER_SESSION_TIMEOUT_MS"] = str(SESSION_MS)
        settings["KAFKA_CONSUMER_HEARTBEAT_INTERVAL_MS"] = "300"
    return worker_process(system.environment(**settings), system.directory / log)


def submit(system: System, video: str) -> None:
    for number in range(JOBS):
        where = number % system.partitions
        system.submit(f"job-{number}", video_url=video, chunk_duration=5, chunk_overlap=1, partition=where)


def rebalances(worker: WorkerProcess) -> list[dict[str, Any]]:
    """What the group told the worker, first to last."""
    return [one for one in worker.records() if one.get("event") in REBALANCES]


def partitions(worker: WorkerProcess) -> set[int]:
    owned: set[int] = set()
    for record in rebalances(worker):
        numbers = set(record["partitions"])
        owned = owned | numbers if record["event"] == "assigned" else owned - numbers
    return owned


def held(worker: WorkerProcess) -> bool:
    """Whether it had to wait for its instance id."""
    return any(one.get("event") == "instance_id_held" for one in worker.records())


def finished(audit: Audit, jobs: int = JOBS) -> None:
    """All of it, each once."""
    audit.wait_finals(jobs, seconds=120)
    audit.check()
    assert len(audit.finals()) == jobs
    assert {one["status"] for one in audit.finals()} == {"succeeded"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_restart_moves_nothing(system: System, audit: Audit, short_video: str, protocol: str) -> None:
    with member(system, protocol, "a", "a") as first, member(system, protocol, "b", "b") as other:
        wait_until(lambda: len(partitions(first)) == len(partitions(other)) == 2, seconds=60, what="two have two each")
        submit(system, short_video)
        audit.wait_chunks(4)
        owned, seen = partitions(first), rebalances(other)
        first.signal(signal.SIGTERM)
        assert first.wait() == 0
        with member(system, protocol, "a", "a-again") as again:
            wait_until(lambda: partitions(again), seconds=30, what="the successor has partitions")
            assert partitions(again) == owned
            finished(audit)
            assert partitions(again) == owned
            assert rebalances(other) == seen, "the other member was left alone"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_successor_of_a_killed_one_takes_its_place(
    system: System, audit: Audit, short_video: str, protocol: str
) -> None:
    system.set_sessions(SOME_SESSION_MS)
    with member(system, protocol, "a", "a") as first:
        first.wait_ready()
        submit(system, short_video)
        audit.wait_chunks(2)
        first.signal(signal.SIGKILL)
        first.wait()
    with member(system, protocol, "a", "a-again") as again:
        again.wait_ready()
        # The new protocol keeps the dead one's place until its session is over; the classic one hands it over at once.
        assert held(again) == (protocol == "consumer")
        finished(audit)
        again.signal(signal.SIGTERM)
        assert again.wait() == 0


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_of_two_under_one_id_one_ends_with_a_sentence(
    system: System, audit: Audit, short_video: str, protocol: str
) -> None:
    system.set_sessions(SHORT_SESSION_MS)
    with member(system, protocol, "a", "first") as first:
        first.wait_ready()
        submit(system, short_video)
        audit.wait_chunks(2)
        with member(system, protocol, "a", "second") as second:
            # The new protocol keeps the id for the one that has it, the classic one gives it to whoever comes last.
            out, stays = (second, first) if protocol == "consumer" else (first, second)
            assert out.wait(90) == 3
            assert "as KAFKA_GROUP_INSTANCE_ID=a" in out.log.read_text().splitlines()[-1]
            finished(audit)
            stays.signal(signal.SIGTERM)
            assert stays.wait() == 0


def test_one_that_was_replaced_while_it_was_frozen_comes_back_when_there_is_room(
    system: System, audit: Audit, short_video: str
) -> None:
    system.set_sessions(SHORT_SESSION_MS)
    with member(system, "consumer", "a", "first") as first:
        first.wait_ready()
        submit(system, short_video)
        audit.wait_chunks(2)
        first.signal(signal.SIGSTOP)
        with member(system, "consumer", "a", "second") as second:
            second.wait_ready()
            first.signal(signal.SIGCONT)
            wait_until(lambda: held(first), seconds=30, what="the first learns that its place was taken")
            assert partitions(first) == set()
            second.signal(signal.SIGTERM)
            assert second.wait() == 0
        wait_until(lambda: len(partitions(first)) == system.partitions, seconds=30, what="it has its place again")
        system.submit("late", video_url=short_video, chunk_duration=5, chunk_overlap=1)
        finished(audit, JOBS + 1)
        first.signal(signal.SIGTERM)
        assert first.wait() == 0
