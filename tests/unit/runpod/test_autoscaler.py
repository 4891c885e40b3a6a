"""Rounds of the autoscaler against the stand-in of RunPod's API, with a scripted group."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from consumer.errors import ConfigurationError
from consumer.runpod.api import TRIES, RunpodApi
from consumer.runpod.autoscaler import PENDING_SECONDS
from consumer.runpod.fleet import Plan
from consumer.runpod.prometheus import Measures
from consumer.runpod.scaling import Decision, Lack, Limits
from consumer.stream.unavailable import KafkaRefusedError, KafkaUnavailableError
from tests.runpod_server import L4, RunpodServer, problem
from tests.unit.runpod.stage import PLAN, Stage


@pytest.fixture
def stage(runpod: RunpodServer, api: RunpodApi) -> Stage:
    return Stage(runpod, api)


def test_pods_come_with_the_backlog_and_go_when_they_are_idle(stage: Stage) -> None:
    scaler = stage.scaler()
    assert scaler.step() == Decision(0, 0, (), None, Lack())
    stage.undone = {0: 1, 1: 1, 2: 1}
    scaler.step()
    assert stage.pods == 2
    scaler.step()
    assert stage.pods == 2, "pods that start are not made again"
    stage.join()
    scaler.step()
    stage.undone = {0: 1}
    for _ in range(10):
        scaler.step()
        stage.minutes(1)
    assert stage.pods == 2, "the cool-down is not over"
    scaler.step()
    (left,) = stage.server.cloud.names()
    assert stage.owners[left] == frozenset({0}), "the one that works is the one that stays"
    stage.undone = {}
    scaler.step()
    stage.minutes(10)
    scaler.step()
    assert stage.pods == 0


def test_who_is_refused_before_anything_was_seen_ends(stage: Stage) -> None:
    scaler = stage.scaler()
    stage.kafka = KafkaRefusedError("Kafka does not let this client in.")
    with pytest.raises(ConfigurationError, match="does not let this client in"):
        scaler.step()
    stage.kafka = None
    scaler.step()
    stage.kafka = KafkaRefusedError("Kafka does not let this client in.")
    assert scaler.step() is not None, "later it looks after its pods all the same"


def test_neither_pods_nor_money_beyond_the_ceilings(stage: Stage) -> None:
    stage.undone = dict.fromkeys(range(50), 9)
    stage.scaler().step()
    assert stage.pods == 4
    # Two of these are $0.78; with the next card it would be $1.47.
    stage.server.cloud.pods.clear()
    stage.server.cloud.stock["NVIDIA L4"] = 2
    dear = Limits(target_seconds=600, max_pods=4, max_hourly=1.4)
    for _ in range(3):
        stage.scaler(limits=dear).step()
    assert [pod["gpu"]["id"] for pod in stage.server.cloud.pods.values()] == ["NVIDIA L4", "NVIDIA L4"]


def test_a_restart_finds_everything_again(stage: Stage) -> None:
    stage.undone = {0: 1, 1: 1, 2: 1}
    stage.scaler().step()
    made = stage.server.cloud.names()
    for _ in range(3):
        stage.scaler().step()
    assert stage.server.cloud.names() == made
    stage.join()
    stage.undone = {}
    new = stage.scaler()
    new.step()
    stage.minutes(11)
    new.step()
    assert stage.pods == 0


def test_a_lost_answer_makes_no_second_pod(stage: Stage) -> None:
    stage.undone = {0: 1}
    scaler = stage.scaler()
    stage.server.cloud.lose = True
    scaler.step()
    scaler.step()
    assert stage.pods == 1


def test_a_pod_that_was_never_made_is_asked_for_again(stage: Stage) -> None:
    stage.undone = {0: 1}
    scaler = stage.scaler()
    stage.server.cloud.answers.extend([None, None, problem(500, "oops")])
    scaler.step()
    stage.now += PENDING_SECONDS - 1
    scaler.step()
    assert stage.pods == 0, "it may still show up"
    stage.now += 2
    scaler.step()
    assert stage.pods == 1


def test_a_pod_that_is_not_listed_yet_counts(stage: Stage) -> None:
    stage.undone = {0: 1}
    scaler = stage.scaler()
    scaler.step()
    hidden = dict(stage.server.cloud.pods)
    stage.server.cloud.pods.clear()
    scaler.step()
    assert stage.pods == 0
    stage.server.cloud.pods.update(hidden)
    scaler.step()
    assert stage.pods == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_outage_of_runpod_changes_nothing(status: int, stage: Stage) -> None:
    stage.undone = {0: 1}
    scaler = stage.scaler()
    stage.server.cloud.answers.extend([problem(status, "down")] * TRIES)
    assert scaler.step() is None
    assert stage.pods == 0
    assert scaler.step() is not None
    assert stage.pods == 1
    assert stage.counted() == {"fleet_unknown": 1, "decided": 1, "created": 1}


def test_what_cannot_be_deleted_is_tried_again_and_does_not_stop_the_rest(stage: Stage) -> None:
    stage.undone = {0: 1, 1: 1, 2: 1}
    scaler = stage.scaler()
    scaler.step()
    stage.server.cloud.run(status="ERROR")
    stage.server.cloud.answers.extend([None, None, problem(409, "locked")])
    scaler.step()
    # Both were broken; one is still there and counts, the new ones come.
    assert [pod["status"] for pod in stage.server.cloud.pods.values()] == ["ERROR", "PROVISIONING", "PROVISIONING"]
    scaler.step()
    assert [pod["status"] for pod in stage.server.cloud.pods.values()] == ["PROVISIONING", "PROVISIONING"]
    assert stage.counted() == {"decided": 3, "created": 4, "removed": 2, "not_removed": 1}


@pytest.mark.parametrize("spoil", ["PROVISIONING", "STARTING", "RUNNING"])
def test_a_half_created_pod_is_replaced(spoil: str, stage: Stage) -> None:
    stage.undone = {0: 1}
    scaler = stage.scaler()
    scaler.step()
    (first,) = stage.server.cloud.names()
    stage.server.cloud.run(status=spoil, age_seconds=0)
    stage.minutes(19)
    scaler.step()
    assert stage.server.cloud.names() == [first]
    for _ in range(8):
        stage.minutes(1)
        scaler.step()
    assert stage.pods == 1
    assert stage.server.cloud.names() != [first]


def test_a_pod_that_left_the_group_for_a_moment_is_kept(stage: Stage) -> None:
    stage.undone = {0: 1}
    scaler = stage.scaler()
    scaler.step()
    stage.join()
    stage.minutes(60)
    for owners in ({}, stage.owners, {}):
        stage.owners = owners
        scaler.step()
        stage.minutes(4)
    assert stage.pods == 1
    scaler.step()
    stage.minutes(2)
    scaler.step()
    assert stage.server.cloud.made == 2


def test_without_kafka_nothing_is_made_and_nobody_is_called_idle(stage: Stage) -> None:
    stage.undone = {0: 1}
    scaler = stage.scaler()
    scaler.step()
    stage.join()
    stage.undone, stage.kafka = {}, KafkaUnavailableError("Kafka did not answer.")
    for _ in range(4):
        stage.minutes(20)
        assert scaler.step() == Decision(None, 0, (), None, None)
    assert stage.pods == 1


def test_measures_win_over_assumptions_and_outlive_an_outage_of_prometheus(stage: Stage) -> None:
    stage.undone = {0: 1, 1: 1, 2: 1}
    stage.measured = Measures(job_seconds=600, speed=10)
    scaler = stage.scaler()
    scaler.step()
    assert stage.pods == 1
    stage.measured = None
    scaler.step()
    assert stage.pods == 1


def test_a_dry_run_does_nothing(stage: Stage) -> None:
    stage.undone = {0: 1, 1: 1, 2: 1}
    decision = stage.scaler(dry_run=True).step()
    assert decision is not None
    assert (decision.create, stage.pods) == (2, 0)
    assert {method for method, _ in stage.server.cloud.requests} == {"GET"}


def test_pods_of_others_are_never_touched(stage: Stage) -> None:
    other = Plan(fleet="films-2", image="i")
    stage.api.create(other.request(L4, "films-2-00000001"))
    stage.api.create(PLAN.request(L4, "films-of-mine"))
    stage.server.cloud.run(status="ERROR")
    stage.scaler().step()
    assert stage.pods == 2


def test_a_key_that_is_refused_ends_it(stage: Stage) -> None:
    stage.server.cloud.answers.append(problem(401, "expired"))
    with pytest.raises(ConfigurationError, match="RUNPOD_API_KEY"):
        stage.scaler().step()


@pytest.mark.parametrize("money_or_stock", [lambda stage: problem(402, "insufficient balance"), None])
def test_no_money_and_no_cards_are_waited_out(money_or_stock: Callable[[Stage], object] | None, stage: Stage) -> None:
    stage.undone = {0: 1}
    scaler = stage.scaler()
    if money_or_stock is None:
        stage.server.cloud.stock = dict.fromkeys(
            ["NVIDIA L4", "NVIDIA GeForce RTX 4090", "NVIDIA L40S", "NVIDIA H100 80GB HBM3"], 0
        )
    else:
        stage.server.cloud.answers.extend([None, None, problem(402, "insufficient balance")])
    assert scaler.step() is not None
    assert stage.pods == 0
    assert stage.counted() == {"decided": 1} | ({} if money_or_stock is None else {"not_created": 1})
    stage.server.cloud.stock = {}
    scaler.step()
    assert stage.pods == 1
