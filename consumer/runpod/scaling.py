"""How many pods there should be: pure decisions over a snapshot of the fleet.

Enough to work the backlog off within the target time; never more than the ceilings allow; fewer only after a time of
quiet, and then only those that have nothing to do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_CENT = 0.005
"""Sums of prices are compared with so much tolerance, in USD an hour."""


class MemberState(StrEnum):
    """What a pod is to the decision."""

    STARTING = "starting"
    """It costs money and does not work yet."""
    WORKING = "working"
    """Something waits or is in work in its partitions."""
    IDLE = "idle"
    """It is in the group, and nothing waits for it."""
    BROKEN = "broken"
    """It will not work any more, or never did."""


@dataclass(frozen=True, slots=True)
class Member:
    """A pod of the fleet; `hourly` in USD."""

    id: str
    state: MemberState
    hourly: float


@dataclass(frozen=True, slots=True)
class Demand:
    """What there is to do.

    Args:
        backlog_seconds: of video not yet described, in jobs that wait and in those in work.
        speed: seconds of video that one pod describes in a second.
        parallel: jobs that can be worked on at the same time, and so pods that can have something to do.
    """

    backlog_seconds: float
    speed: float
    parallel: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What the fleet is held to.

    Args:
        target_seconds: within which the backlog should be worked off.
        min_pods: that are there even with nothing to do.
        max_pods, max_hourly: ceilings of pods and of USD an hour, which win over everything else.
        cooldown_seconds: for which there must have been too many pods before one is removed.
        start_seconds: from a pod's creation until it works.
    """

    target_seconds: float
    max_pods: int
    max_hourly: float
    min_pods: int = 0
    cooldown_seconds: float = 600.0
    start_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Lack:
    """Pods that the backlog needs and that are neither there nor made now, by what stands in the way.

    Args:
        max_pods, max_hourly: that ceiling.
        sold_out: there is no card to be had.
    """

    max_pods: int = 0
    max_hourly: int = 0
    sold_out: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now.

    Args:
        wanted: pods that there should be; None: unknown, as the demand is.
        create: pods to make.
        remove: ids of pods to delete.
        surplus_since: when there began to be too many; to be handed to the next decision.
        lack: None: unknown, as the demand is.
    """

    wanted: int | None
    create: int
    remove: tuple[str, ...]
    surplus_since: float | None
    lack: Lack | None


def wanted_pods(demand: Demand, ready: int, limits: Limits) -> int:
    """Pods that finish the backlog within the target, of which `ready` work already; the ceilings not considered.

    A pod that must be made first has less of the time left.
    """
    work = demand.backlog_seconds / demand.speed
    target = limits.target_seconds
    most = max(demand.parallel, 1) if work > 0 else 0
    if work <= ready * target:
        return min(math.ceil(work / target), most)
    late = max(target - limits.start_seconds, target / 2)
    return min(ready + math.ceil((work - ready * target) / late), most)


def decide(
    members: Sequence[Member],
    demand: Demand | None,
    limits: Limits,
    *,
    price: float | None,
    surplus_since: float | None,
    now: float,
) -> Decision:
    """The next step.

    Args:
        demand: None: nobody knows it now, so the fleet stays as it is, but for what is broken or above a ceiling.
        price: of a new pod in USD an hour; None: there is none to be had.
        surplus_since: of the last decision.
        now: seconds by any clock that only goes on.
    """
    broken = tuple(one.id for one in members if one.state is MemberState.BROKEN)
    live = [one for one in members if one.state is not MemberState.BROKEN]
    above = _above_a_ceiling(live, limits)
    if demand is None:
        return Decision(None, 0, broken + above, surplus_since, None)
    ready = sum(one.state is not MemberState.STARTING for one in live)
    needed = max(wanted_pods(demand, ready, limits), limits.min_pods)
    wanted = min(needed, limits.max_pods)
    if len(live) <= wanted:
        create = 0 if above else _affordable(members, wanted - len(live), limits, price)
        room = max(0, min(needed - len(live), limits.max_pods - len(members)))
        held, sold_out = (0, room) if price is None else (room - create, 0)
        return Decision(wanted, create, broken + above, None, Lack(needed - len(live) - room, held, sold_out))
    since = now if surplus_since is None else surplus_since
    lack = Lack(max_pods=max(0, needed - len(live)))
    if above or now - since < limits.cooldown_seconds:
        return Decision(wanted, 0, broken + above, since, lack)
    idle = _dearest_first([one for one in live if one.state is MemberState.IDLE])
    return Decision(wanted, 0, broken + tuple(one.id for one in idle[: len(live) - wanted]), since, lack)


def _affordable(members: Sequence[Member], count: int, limits: Limits, price: float | None) -> int:
    """Of `count` new pods those that stay below the ceilings; whatever is not deleted yet counts against them."""
    if price is None:
        return 0
    room = limits.max_pods - len(members)
    money = limits.max_hourly - sum(one.hourly for one in members) + _CENT
    return max(0, min(count, room, math.floor(money / price) if price > 0 else room))


def _above_a_ceiling(live: Sequence[Member], limits: Limits) -> tuple[str, ...]:
    """What to delete at once because a ceiling was lowered or prices rose: never a pod that works."""
    count, hourly = len(live), sum(one.hourly for one in live)
    removable = _dearest_first([one for one in live if one.state is MemberState.IDLE])
    removable += _dearest_first([one for one in live if one.state is MemberState.STARTING])
    chosen = []
    for one in removable:
        if count <= limits.max_pods and hourly <= limits.max_hourly + _CENT:
            break
        chosen.append(one.id)
        count, hourly = count - 1, hourly - one.hourly
    return tuple(chosen)


def _dearest_first(members: Sequence[Member]) -> list[Member]:
    return sorted(members, key=lambda one: (-one.hourly, one.id))
