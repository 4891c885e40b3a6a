"""What the autoscaler tells of itself and its fleet, for Prometheus; docs/scaling.md has the table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, fields

from consumer.runpod.scaling import Decision, Demand, Lack, Member, MemberState
from consumer.telemetry.declaring import Declared, counters, gauge, gauges

STATES = tuple(state.value for state in MemberState)
OUTCOMES = ("decided", "backlog_unknown", "fleet_unknown")
REASONS = tuple(field.name for field in fields(Lack))
ACTIONS = ("created", "not_created", "removed", "not_removed")


class FleetMetrics(Declared):
    """One set of them; what is not known is not a number, so that no alert takes it for nothing."""

    fleet_pods = gauges("pods", "Pods of the fleet that are not deleted, by what they do.", state=STATES)
    fleet_wanted_pods = gauge("pods", "Pods that there should be; not a number while the backlog is unknown.")
    fleet_lacking_pods = gauges(
        "pods",
        "Pods that the backlog needs and that are neither there nor made, by what stands in the way: a ceiling "
        "(max_pods, max_hourly), or that no card is free (sold_out).",
        reason=REASONS,
    )
    fleet_hourly_cost = gauge("USD an hour", "What all pods of the fleet cost together, by RunPod's prices.")
    fleet_backlog_jobs = gauge("jobs", "Jobs that are not done, by the broker.")
    fleet_backlog_video_seconds = gauge("seconds of video", "What is not described yet, as the decision takes it.")
    fleet_pod_speed_ratio = gauge("ratio", "Seconds of video that a pod describes in a second: measured, or assumed.")
    fleet_rounds_total = counters(
        "rounds",
        "Looks at the fleet: decided, or Kafka did not answer (backlog_unknown), or RunPod (fleet_unknown).",
        outcome=OUTCOMES,
    )
    fleet_changes_total = counters("pods", "Pods made and deleted, and what RunPod refused.", action=ACTIONS)

    def tell(self, fleet: Sequence[Member], jobs: int | None, demand: Demand | None, decision: Decision) -> None:
        """A round in which RunPod answered.

        Args:
            jobs: that are not done; None, like `demand`: Kafka did not answer.
        """
        for state in MemberState:
            self.fleet_pods.labels(state=state.value).set(sum(one.state is state for one in fleet))
        self.fleet_hourly_cost.set(sum(one.hourly for one in fleet))
        self.fleet_wanted_pods.set(_number(decision.wanted))
        lack = asdict(decision.lack) if decision.lack is not None else {}
        for reason in REASONS:
            self.fleet_lacking_pods.labels(reason=reason).set(_number(lack.get(reason)))
        self.fleet_backlog_jobs.set(_number(jobs))
        self.fleet_backlog_video_seconds.set(_number(demand.backlog_seconds if demand is not None else None))
        self.fleet_pod_speed_ratio.set(_number(demand.speed if demand is not None else None))
        outcome = "decided" if demand is not None else "backlog_unknown"
        self.fleet_rounds_total.labels(outcome=outcome).inc()

    def count(self, action: str) -> None:
        """One of ACTIONS happened to a pod."""
        self.fleet_changes_total.labels(action=action).inc()


def _number(value: float | None) -> float:
    return math.nan if value is None else value
