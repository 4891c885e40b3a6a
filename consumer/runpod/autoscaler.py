"""Looks, decides, acts: one round after the other, with nothing remembered that could not be found out again.

The list of pods is the truth. A round in which something cannot be known or done leaves the rest for the next one, so
an outage of RunPod, Kafka or Prometheus costs time and never a pod that nobody looks after.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import structlog

from consumer.runpod.api import RunpodApi
from consumer.runpod.api_errors import RunpodError, UncertainCreationError
from consumer.runpod.api_models import Gpu, Pod
from consumer.runpod.demand import Assumed, estimate
from consumer.runpod.fleet import Plan, members, new_name, offers
from consumer.runpod.fleet_metrics import FleetMetrics
from consumer.runpod.placing import place
from consumer.runpod.prometheus import Measures, PrometheusError
from consumer.runpod.reconcile import Patience, Pending, classify
from consumer.runpod.scaling import Decision, Demand, Limits, Member, MemberState, decide
from consumer.stream.group_view import GroupView
from consumer.stream.unavailable import KafkaRefusedError, KafkaUnavailableError

_log = structlog.get_logger(__name__)

PENDING_SECONDS = 300.0
"""For so long a pod that was asked for counts as being there, though it is not in the list."""
_CENT = 0.005


class Group(Protocol):
    """Where the group is looked at (`GroupWatch`)."""

    def view(self) -> GroupView: ...


class Meter(Protocol):
    """Where measured figures come from (`Prometheus`)."""

    def measures(self) -> Measures: ...


@dataclass(frozen=True, slots=True)
class Rules:
    """What the fleet is held to, and what is taken where nothing was measured."""

    limits: Limits
    patience: Patience
    assumed: Assumed
    dry_run: bool = False


class Autoscaler:
    """The scaler of one fleet; there may be only one at a time.

    Args:
        meter: None: nothing is measured.
        metrics: None: nobody reads them.
        clock: monotonic seconds; `today` the time by which RunPod dates its pods.
    """

    def __init__(
        self,
        api: RunpodApi,
        group: Group,
        meter: Meter | None,
        plan: Plan,
        rules: Rules,
        *,
        metrics: FleetMetrics | None = None,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._api, self._group, self._meter, self._plan, self._rules = api, group, meter, plan, rules
        self._metrics = metrics or FleetMetrics()
        self._clock, self._today = clock, today
        self.pods: tuple[Pod, ...] = ()
        """Those of the fleet, as RunPod told last."""
        self._missed: dict[str, float] = {}
        self._pending: dict[str, Pending] = {}
        self._surplus_since: float | None = None
        self._seen = False
        self._measured: Measures | None = None

    def step(self) -> Decision | None:
        """One round; None: RunPod did not answer, so nothing was decided.

        Raises:
            ConfigurationError: RunPod does not accept the key.
        """
        try:
            pods = members(self._api.pods(), self._plan.fleet)
            gpus = self._api.gpus(self._plan.cloud, self._plan.gpu_count)
        except RunpodError as error:
            _log.warning("fleet_unknown", reason=str(error))
            self._metrics.fleet_rounds_total.labels(outcome="fleet_unknown").inc()
            return None
        self.pods = pods
        group = self._look()
        demand = None if group is None else estimate(group, self._measure(), self._rules.assumed)
        fleet = self._fleet(pods, group, gpus)
        found = offers(gpus, self._plan)
        decision = decide(
            fleet,
            demand,
            self._rules.limits,
            price=found[0].hourly(self._plan.cloud, self._plan.gpu_count) if found else None,
            surplus_since=self._surplus_since,
            now=self._clock(),
        )
        self._surplus_since = decision.surplus_since
        self._metrics.tell(fleet, group.jobs if group is not None else None, demand, decision)
        self._tell(fleet, demand, group, decision, bool(found))
        if not self._rules.dry_run:
            self._act(fleet, pods, decision, found)
        return decision

    def _look(self) -> GroupView | None:
        try:
            view = self._group.view()
            self._seen = True
            return view
        except KafkaUnavailableError as error:
            if isinstance(error, KafkaRefusedError) and not self._seen:
                # Nothing was ever seen of the group: settings are wrong, and somebody stands by who can mend them.
                raise
            _log.warning("backlog_unknown", reason=str(error))
            return None

    def _measure(self) -> Measures | None:
        """What was measured last, as far as it does not age: means and speeds do not, what is left in work does."""
        if self._meter is None:
            return None
        try:
            self._measured = self._meter.measures()
        except PrometheusError as error:
            _log.warning("measures_unknown", reason=str(error))
            old = self._measured or Measures()
            return Measures(job_seconds=old.job_seconds, speed=old.speed)
        return self._measured

    def _fleet(self, pods: Sequence[Pod], group: GroupView | None, gpus: Sequence[Gpu]) -> list[Member]:
        now = self._clock()
        fleet, self._missed = classify(
            pods,
            group,
            prices={gpu.id: gpu.hourly(self._plan.cloud) for gpu in gpus},
            missed=self._missed,
            patience=self._rules.patience,
            today=self._today(),
            now=now,
        )
        there = {pod.name for pod in pods}
        self._pending = {
            name: one for name, one in self._pending.items() if name not in there and now - one.since < PENDING_SECONDS
        }
        return fleet + [Member(name, MemberState.STARTING, one.hourly) for name, one in self._pending.items()]

    def _act(self, fleet: Sequence[Member], pods: Sequence[Pod], decision: Decision, found: Sequence[Gpu]) -> None:
        names = {pod.id: pod.name for pod in pods}
        states = {one.id: one.state.value for one in fleet}
        # A pod that is only pending has no id yet by which to delete it.
        for pod_id in (one for one in decision.remove if one in names):
            self._remove(pod_id, names[pod_id], states[pod_id])
        hourly = sum(one.hourly for one in fleet)
        try:
            for _ in range(decision.create):
                room = self._rules.limits.max_hourly - hourly
                paid = [gpu for gpu in found if gpu.hourly(self._plan.cloud, self._plan.gpu_count) <= room + _CENT]
                if not paid:
                    return
                hourly += self._create(paid)
        except RunpodError as error:
            _log.warning("pod_not_created", reason=str(error))
            self._metrics.count("not_created")

    def _remove(self, pod_id: str, name: str, state: str) -> None:
        """One that cannot be deleted now is still in the list of the next round."""
        try:
            self._api.remove(pod_id)
        except RunpodError as error:
            _log.warning("pod_not_removed", pod=pod_id, pod_name=name, reason=str(error))
            self._metrics.count("not_removed")
        else:
            _log.info("pod_removed", pod=pod_id, pod_name=name, state=state)
            self._metrics.count("removed")

    def _create(self, found: Sequence[Gpu]) -> float:
        """USD an hour of the new pod."""
        name = new_name(self._plan.fleet)
        try:
            pod = place(self._api, self._plan, found, name)
        except UncertainCreationError:
            dearest = max(gpu.hourly(self._plan.cloud, self._plan.gpu_count) for gpu in found)
            self._pending[name] = Pending(dearest, self._clock())
            raise
        gpu = pod.gpu.id if pod.gpu is not None else ""
        _log.info("pod_created", pod=pod.id, pod_name=name, gpu=gpu, hourly=pod.cost)
        self._metrics.count("created")
        # The list of pods may not have it at once.
        self._pending[name] = Pending(pod.cost, self._clock())
        return pod.cost

    def _tell(
        self,
        fleet: Sequence[Member],
        demand: Demand | None,
        group: GroupView | None,
        decision: Decision,
        for_sale: bool,
    ) -> None:
        counts = {state.value: sum(one.state is state for one in fleet) for state in MemberState}
        _log.info(
            "fleet",
            **counts,
            hourly=round(sum(one.hourly for one in fleet), 2),
            jobs=group.jobs if group is not None else None,
            backlog_video_seconds=round(demand.backlog_seconds) if demand is not None else None,
            speed=round(demand.speed, 2) if demand is not None else None,
            wanted=decision.wanted,
            create=decision.create,
            remove=list(decision.remove),
            gpu_free=for_sale,
            dry_run=self._rules.dry_run,
        )
