"""A dead owner's open transaction delays its own partition for a moment, and nobody's other partitions."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.chaos import audit
from tests.chaos.deployment import Deployment
from tests.chaos.endtxn_proxy import EndTxnProxy
from tests.chaos.scenes import SECONDS, Scene, partitions, staged, wait_stopped
from tests.integration.worker_process import wait_until
from tests.services.kafka import KafkaCluster

pytestmark = pytest.mark.timeout(240)

HELD, OTHER = 0, 1
# The broker would end the transaction by itself after the first, and nobody must wait for that.
TRANSACTION_SECONDS, PROMPT_SECONDS = 240.0, 15.0
PATIENT = {"KAFKA_PRODUCER_TRANSACTION_TIMEOUT_MS": f"{TRANSACTION_SECONDS * 1000:.0f}"}


@pytest.fixture
def scene(broker: KafkaCluster, deploy: Callable[[int], Deployment], video: Path, way: EndTxnProxy) -> Iterator[Scene]:
    with staged(deploy(2), video, (), way, broker.routed) as stage:
        yield stage


@pytest.mark.parametrize("end", [signal.SIGSTOP, signal.SIGKILL], ids=["stopped", "killed"])
def test_an_open_transaction_delays_nobody(scene: Scene, end: signal.Signals) -> None:
    scene.send("held", HELD)
    first = scene.worker("stop=sent:chunk:1", **PATIENT)
    wait_stopped(first)
    first.signal(end)
    _require_open(scene)
    scene.send("other", OTHER)
    second = scene.worker(**PATIENT)
    wait_until(lambda: partitions(second) == {HELD, OTHER}, seconds=SECONDS, what="it has both partitions")
    for job_id in ("other", "held"):
        wait_until(partial(_finished, scene, job_id), seconds=PROMPT_SECONDS, what=f"{job_id} is finished")
    assert scene.judged() == []


def _finished(scene: Scene, job_id: str) -> bool:
    return job_id in scene.auditor.finished()


def _require_open(scene: Scene) -> None:
    """The owner's records and its offset are at the broker, and its transaction is open."""
    (found, *_) = (one for one in audit.standing((), scene.deployment.standing()) if "is open" in one)
    assert f"{scene.deployment.topics.chunk_results}/{HELD}" in found
