"""The ways of scaling that are compared. Each sees the same fleet and differs in what it takes for the demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumer.runpod.scaling import Demand, Limits


@dataclass(frozen=True, slots=True)
class View:
    """What a policy may know.

    Args:
        waiting: seconds of the videos that wait.
        in_work: seconds that are left of those in work.
        done: seconds of the videos that were finished, in order.
    """

    waiting: Sequence[float]
    in_work: Sequence[float]
    done: Sequence[float]


@dataclass(frozen=True, slots=True)
class Policy:
    """A name for the table, and the demand that follows from a view."""

    name: str
    limits: Limits
    demand: Callable[[View], Demand]


SPEED = 10.0
"""Seconds of video that a pod describes in a second."""
LIMITS = Limits(target_seconds=3600, max_pods=12, max_hourly=6.0, cooldown_seconds=600, start_seconds=300)
FIRST_MEAN = 900.0
_LAST = 100


def fixed(count: int) -> Policy:
    """Always so many pods."""
    limits = Limits(target_seconds=3600, max_pods=count, max_hourly=100.0, min_pods=count)
    return Policy(f"fixed, {count} pods", limits, lambda _: Demand(0.0, SPEED, 0))


def by_messages(per_pod: int) -> Policy:
    """A pod for so many jobs that are not done, as a scaler on consumer lag would."""

    def demand(view: View) -> Demand:
        jobs = len(view.waiting) + len(view.in_work)
        return Demand(jobs * SPEED * LIMITS.target_seconds / per_pod, SPEED, jobs)

    # It knows nothing of a start that takes time.
    limits = Limits(LIMITS.target_seconds, LIMITS.max_pods, LIMITS.max_hourly, start_seconds=0.0)
    return Policy(f"a pod for {per_pod} messages", limits, demand)


def by_average() -> Policy:
    """Seconds of video; those of jobs that wait by the mean of the last ones that were finished."""

    def demand(view: View) -> Demand:
        last = view.done[-_LAST:]
        mean = sum(last) / len(last) if last else FIRST_MEAN
        return Demand(len(view.waiting) * mean + sum(view.in_work), SPEED, len(view.waiting) + len(view.in_work))

    return Policy("seconds of video, by average", LIMITS, demand)


def by_seconds() -> Policy:
    """Seconds of video, as producers state them."""

    def demand(view: View) -> Demand:
        return Demand(sum(view.waiting) + sum(view.in_work), SPEED, len(view.waiting) + len(view.in_work))

    return Policy("seconds of video, stated", LIMITS, demand)


POLICIES = (fixed(3), fixed(12), by_messages(10), by_messages(33), by_average(), by_seconds())
