"""Jobs that end their worker's process, whatever the way: dead-lettered after MAX_ATTEMPTS, and nobody else suffers."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.deployment import Deployment
from tests.chaos.endtxn_proxy import EndTxnProxy
from tests.chaos.mutant import DEATHS, EXIT_CODE
from tests.chaos.scenes import SECONDS, Scene, says, staged
from tests.integration.worker_process import wait_until
from tests.services.kafka import KafkaCluster

pytestmark = pytest.mark.timeout(240)

PARTITIONS = 3
ATTEMPTS = 3
# Innocent jobs are done within the time that poison leaves them: there is room beside its three chunks.
QUICK = {
    "DECODERS": "8",
    "MAX_CONCURRENT_CHUNKS": "8",
    "SYNTHETIC_SECONDS_PER_CHUNK": "0.05",
    "MAX_ATTEMPTS": str(ATTEMPTS),
}
# A MemoryError is a crash like any other error that is no one's to handle: the process leaves in good order, and ends.
CRASHED = 1
CODES = {
    "poison:exit": EXIT_CODE,
    "poison:memory": CRASHED,
    "poison:decode": -signal.SIGKILL,
}


@pytest.fixture
def scene(broker: KafkaCluster, deploy: Callable[[int], Deployment], video: Path, way: EndTxnProxy) -> Iterator[Scene]:
    with staged(deploy(PARTITIONS), video, (), way, broker.routed) as stage:
        yield stage


def test_each_way_to_die_is_played() -> None:
    # In the engine by SIGKILL: in every run of `test_chaos`.
    assert CODES.keys() | {"poison:kill"} == DEATHS.keys()


@pytest.mark.parametrize("death", CODES)
def test_the_partition_goes_on_after_max_attempts(scene: Scene, death: str) -> None:
    scene.send("bad", prompt=death)
    scene.send("next")
    for partition in range(1, PARTITIONS):
        scene.send(f"beside-{partition}", partition)
    for attempt in range(1, ATTEMPTS + 1):
        worker = scene.worker("poison", **QUICK)
        assert worker.wait(SECONDS) == CODES[death], worker.log.read_text()[-4000:]
        assert says(worker, "partition_phase", phase="running", job_id="bad") == 1, f"start {attempt} was of this job"
    last = scene.worker("poison", **QUICK)
    # The audit: `bad` failed, and is the only dead letter, after so many starts; the others have all their chunks.
    assert scene.judged(attempts=ATTEMPTS) == []
    assert says(last, "partition_phase", phase="running", job_id="bad") == 0
    assert says(last, "partition_phase", phase="running", job_id="next") == 1


def test_a_job_that_gets_on_is_none_of_them(scene: Scene) -> None:
    """Machines that are taken away without notice: each start brings a chunk, more starts than may be in vain."""
    scene.send("long")
    slow = {"MAX_ATTEMPTS": "2", "MAX_CONCURRENT_CHUNKS": "1", "SYNTHETIC_SECONDS_PER_CHUNK": "2"}
    for count in (1, 2):
        worker = scene.worker(**slow)
        wait_until(partial(_chunks_are, scene, count), seconds=SECONDS, what=f"chunk {count} is there")
        worker.kill()
    scene.worker(**slow)
    assert scene.judged() == []


def _chunks_are(scene: Scene, count: int) -> bool:
    return scene.auditor.count("chunk") >= count
