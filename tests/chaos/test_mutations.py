"""The proof is tested: with any part of the guarantee broken, the audit is not content; with none, it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos import scenes
from tests.chaos.deployment import Deployment
from tests.chaos.endtxn_proxy import EndTxnProxy
from tests.chaos.mutations import MUTATIONS
from tests.chaos.scenes import Scene, staged
from tests.services.kafka import KafkaCluster

pytestmark = pytest.mark.timeout(240)

Play = Callable[[Scene], list[str]]

# The scene in which each mutation shows, and what the audit says of it.
FOUND_OUT: dict[str, tuple[Play, str]] = {
    "offsets_left_out": (scenes.killed_between_two_chunks, "is there 2 times"),
    "recovery_reads_uncommitted": (scenes.killed_between_two_chunks, "but the chunk topic has"),
    "init_late": (scenes.stopped_with_everything_sent, "has no final result"),
    "ids_of_processes": (scenes.stopped_with_everything_sent, "has no final result"),
    "read_back_skipped": (scenes.the_answer_is_lost, "is there 2 times"),
    "slow_commit_trusted": (scenes.a_late_end_of_transaction, "is there 2 times"),
    "committed_end": (scenes.a_stranger_holds_the_partition_open, "is there 2 times"),
    "pause_flags_kept": (scenes.partitions_go_and_come_back, "has no final result"),
    "final_outside": (scenes.killed_in_the_last_transaction, "is there 2 times"),
    "attempts_in_memory": (scenes.a_job_that_kills_its_worker, "has no final result"),
    "epoch_ignored": (scenes.results_of_a_former_life, "is there 2 times"),
}
SCENES = list(dict.fromkeys(play for play, _ in FOUND_OUT.values()))
PARTITIONS: dict[Play, int] = {scenes.partitions_go_and_come_back: 4}


@pytest.fixture
def play(
    broker: KafkaCluster, deploy: Callable[[int], Deployment], video: Path, way: EndTxnProxy
) -> Callable[[Play, tuple[str, ...]], list[str]]:
    def run(scene: Play, words: tuple[str, ...]) -> list[str]:
        with staged(deploy(PARTITIONS.get(scene, 1)), video, words, way, broker.routed) as stage:
            return scene(stage)

    return run


def test_each_mutation_has_its_scene() -> None:
    assert FOUND_OUT.keys() == MUTATIONS.keys()


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_sound_workers_come_through(play: Callable[[Play, tuple[str, ...]], list[str]], scene: Play) -> None:
    assert play(scene, ()) == []


@pytest.mark.parametrize("mutation", FOUND_OUT)
def test_the_mutation_is_found_out(play: Callable[[Play, tuple[str, ...]], list[str]], mutation: str) -> None:
    scene, finding = FOUND_OUT[mutation]
    found = play(scene, (mutation,))
    assert any(finding in one for one in found), found
