"""What the autoscaler tells Prometheus: its own figures, and where the pods are."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

from consumer.runpod.api_models import Pod
from consumer.runpod.fleet import Plan
from consumer.runpod.fleet_metrics import REASONS, FleetMetrics
from consumer.runpod.scaling import Decision, Demand, Lack, Member, MemberState
from consumer.runpod.targets import targets

PLAN = Plan(fleet="films", image="i", global_networking=True)
PODS = [
    Pod(id=f"id{number}", name=f"films-0000000{number}", status=status, cost=0.39, created_at=datetime.now(UTC))
    for number, status in enumerate(["RUNNING", "PROVISIONING", "EXITED", "RUNNING"])
]


def value(metrics: FleetMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"video_consumer_fleet_{name}", labels)


def lacking(metrics: FleetMetrics) -> dict[str, float]:
    return {reason: value(metrics, "lacking_pods", reason=reason) or 0 for reason in REASONS}


def test_pods_that_run_are_found_inside_the_account_s_network() -> None:
    assert targets(PODS, PLAN) == [
        {"targets": [f"id{n}.runpod.internal:9400"], "labels": {"instance": f"films-0000000{n}", "fleet": "films"}}
        for n in (0, 3)
    ]


def test_or_by_the_proxy_or_not_at_all() -> None:
    outside = replace(PLAN, global_networking=False, public_metrics=True)
    first, _ = targets(PODS, outside)
    assert first["targets"] == ["id0-9400.proxy.runpod.net:443"]
    assert first["labels"] == {"instance": "films-00000000", "fleet": "films", "__scheme__": "https"}
    assert targets(PODS, replace(outside, public_metrics=False)) == []


def test_a_round_is_told() -> None:
    metrics = FleetMetrics()
    fleet = [Member("a", MemberState.WORKING, 0.39), Member("b", MemberState.IDLE, 0.69)]
    metrics.tell(fleet, 3, Demand(7200, 10, 2), Decision(2, 0, (), None, Lack(max_pods=3)))
    told = [value(metrics, "pods", state=state) for state in ("starting", "working", "idle", "broken")]
    assert told == [0, 1, 1, 0]
    names = ("hourly_cost", "wanted_pods", "backlog_jobs", "backlog_video_seconds", "pod_speed_ratio")
    assert [value(metrics, name) for name in names] == [1.08, 2, 3, 7200, 10]
    assert lacking(metrics) == {"max_pods": 3, "max_hourly": 0, "sold_out": 0}
    metrics.tell(fleet, None, None, Decision(None, 0, (), None, None))
    assert all(math.isnan(value(metrics, name) or 0) for name in names[1:]), "unknown is not nothing"
    assert all(math.isnan(one) for one in lacking(metrics).values())
    rounds = [value(metrics, "rounds_total", outcome=one) for one in ("decided", "backlog_unknown", "fleet_unknown")]
    assert rounds == [1, 1, 0]
