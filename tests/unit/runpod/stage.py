"""What the autoscaler sees and touches, as a test says: RunPod, the group, Prometheus, the clocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from consumer.runpod.api import RunpodApi
from consumer.runpod.autoscaler import Autoscaler, Rules
from consumer.runpod.demand import Assumed
from consumer.runpod.fleet import Plan
from consumer.runpod.fleet_metrics import FleetMetrics
from consumer.runpod.prometheus import Measures, PrometheusError
from consumer.runpod.reconcile import Patience
from consumer.runpod.scaling import Limits
from consumer.stream.group_view import GroupView
from consumer.stream.unavailable import KafkaUnavailableError
from tests.runpod_server import RunpodServer

LIMITS = Limits(target_seconds=600, max_pods=4, max_hourly=2.0, cooldown_seconds=600, start_seconds=0)
PLAN = Plan(fleet="films", image="you/video-consumer:1")
PATIENCE = Patience(start_seconds=1200, absent_seconds=300)
# An hour of video a job, at ten times the speed of time: 6 minutes a job, so two pods for three of them in 10 minutes.
ASSUMED = Assumed(job_seconds=3600, speed=10)


@dataclass
class Stage:
    """Everything around the autoscaler; `minutes` moves all clocks."""

    server: RunpodServer
    api: RunpodApi
    undone: dict[int, int] = field(default_factory=dict)
    owners: dict[str, frozenset[int]] = field(default_factory=dict)
    kafka: KafkaUnavailableError | None = None
    measured: Measures | None = field(default_factory=Measures)
    metrics: FleetMetrics = field(default_factory=FleetMetrics)
    now: float = 0.0

    def view(self) -> GroupView:
        if self.kafka is not None:
            raise self.kafka
        return GroupView(self.undone, self.owners)

    def measures(self) -> Measures:
        if self.measured is None:
            raise PrometheusError("Prometheus gives no figures.")
        return self.measured

    def scaler(self, *, limits: Limits = LIMITS, dry_run: bool = False) -> Autoscaler:
        return Autoscaler(
            self.api,
            self,
            self,
            PLAN,
            Rules(limits, PATIENCE, ASSUMED, dry_run),
            metrics=self.metrics,
            clock=lambda: self.now,
            today=lambda: self.server.cloud.now + timedelta(seconds=self.now),
        )

    def join(self, *, partitions: int = 1) -> None:
        """Every pod runs and is in the group, each with partitions of its own."""
        self.server.cloud.run(age_seconds=0)
        numbers = iter(range(100))
        self.owners = {name: frozenset(next(numbers) for _ in range(partitions)) for name in self.server.cloud.names()}

    def minutes(self, count: float) -> None:
        self.now += 60 * count

    def counted(self) -> dict[str, float]:
        """Changes and rounds that were counted, by their label."""
        families = (self.metrics.fleet_changes_total, self.metrics.fleet_rounds_total)
        samples = [one for family in families for found in family.metric.collect() for one in found.samples]
        return {
            next(iter(one.labels.values())): one.value for one in samples if one.name.endswith("_total") and one.value
        }

    @property
    def pods(self) -> int:
        return len(self.server.cloud.pods)
