"""How much there is to do: the group's undone jobs, and what was measured of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from consumer.runpod.prometheus import Measures
from consumer.runpod.scaling import Demand
from consumer.stream.group_view import GroupView


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is taken where nothing was measured yet: seconds of a mean job, and a pod's seconds of video a second."""

    job_seconds: float = 600.0
    speed: float = 5.0


def estimate(group: GroupView, measures: Measures | None, assumed: Assumed) -> Demand:
    """The demand.

    How many jobs are undone the broker says, which is never wrong. Workers say how much video is left in those that
    they know. The rest counts as mean jobs. Series of workers that are gone linger for minutes, so more jobs than the
    broker has are scaled down.

    Args:
        measures: None: Prometheus is not there, or does not answer.
    """
    known = measures or Measures()
    mean = known.job_seconds if known.job_seconds is not None else assumed.job_seconds
    seconds, jobs = known.known_seconds, known.known_jobs
    if jobs > group.jobs:
        seconds, jobs = seconds * group.jobs / jobs, float(group.jobs)
    elif jobs <= 0:
        seconds, jobs = 0.0, 0.0
    backlog = seconds + (group.jobs - jobs) * mean
    # A job is never free, whatever was measured of those before it.
    backlog = max(backlog, float(group.jobs))
    speed = known.speed if known.speed is not None else assumed.speed
    return Demand(backlog, speed, len(group.undone))
