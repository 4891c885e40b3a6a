"""What each pod of the fleet is to the decision: what RunPod says of it, and what the group says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from consumer.runpod.api_models import Pod, PodStatus
from consumer.runpod.scaling import Member, MemberState
from consumer.stream.group_view import GroupView


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a pod may be without being a member of the group.

    Args:
        start_seconds: since it was made: fetching the image and loading the model.
        absent_seconds: after that, since it was first missed: a rebalance, a container that starts anew.
    """

    start_seconds: float = 1200.0
    absent_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Pending:
    """A pod that was asked for without an answer; it may show up in the list, or never."""

    hourly: float
    since: float


def classify(
    pods: Iterable[Pod],
    group: GroupView | None,
    *,
    prices: Mapping[str, float],
    missed: Mapping[str, float],
    patience: Patience,
    today: datetime,
    now: float,
) -> tuple[list[Member], dict[str, float]]:
    """The members, and since when each pod is missed in the group (to be handed to the next call).

    Args:
        group: None: the broker does not answer; then no pod that runs is called idle or broken.
        prices: USD an hour by type of GPU, for pods that do not tell their cost yet.
        missed: of the last call.
        today: the time by which pods were made; `now`: seconds by the clock of `missed`.
    """
    found, absent = [], {}
    for pod in pods:
        state = _state(pod, group, patience, (today - pod.created_at).total_seconds())
        if state is None:
            since = missed.get(pod.id, now)
            absent[pod.id] = since
            state = MemberState.BROKEN if now - since >= patience.absent_seconds else MemberState.STARTING
        found.append(Member(pod.id, state, _hourly(pod, prices)))
    return found, absent


def _state(pod: Pod, group: GroupView | None, patience: Patience, age: float) -> MemberState | None:
    """None: it should be in the group and is not."""
    if pod.status in (PodStatus.ERROR, PodStatus.EXITED):
        return MemberState.BROKEN
    if group is not None and pod.name in group.owners:
        busy = any(number in group.undone for number in group.owners[pod.name])
        return MemberState.WORKING if busy else MemberState.IDLE
    if age < patience.start_seconds:
        return MemberState.STARTING
    if pod.status in (PodStatus.PROVISIONING, PodStatus.STARTING):
        return MemberState.BROKEN
    return MemberState.WORKING if group is None else None


def _hourly(pod: Pod, prices: Mapping[str, float]) -> float:
    if pod.status == PodStatus.EXITED or pod.cost > 0 or pod.gpu is None:
        return pod.cost
    return prices.get(pod.gpu.id, 0.0) * pod.gpu.count
