"""The week: when which videos come, when the cloud is out of cards, when its API is down. The same for every policy."""

from __future__ import annotations

import random
from dataclasses import dataclass

HOUR, DAY = 3600.0, 86_400.0
WEEK = 7 * DAY
OPEN_HOURS = range(8, 18)


@dataclass(frozen=True, slots=True)
class Video:
    """A job: when it comes, and seconds of video."""

    at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Week:
    """Everything that does not depend on the policy.

    Args:
        outages: from when to when RunPod's API answers nothing.
        scarce: from when to when the cheap card is sold out.
    """

    videos: tuple[Video, ...]
    outages: tuple[tuple[float, float], ...]
    scarce: tuple[tuple[float, float], ...]


def make_week(seed: int = 1) -> Week:
    """Office hours with clips and some long videos, and three bursts: clips by day, films by night, snippets."""
    draw = random.Random(seed)  # noqa: S311 - a simulation
    videos = [Video(at, _length(draw)) for at in _ordinary(draw)]
    videos += [Video(1 * DAY + 10 * HOUR + 2 * n, draw.uniform(60, 180)) for n in range(600)]
    videos += [Video(3 * DAY + 20 * HOUR + 5 * n, draw.uniform(5400, 9000)) for n in range(48)]
    videos += [Video(5 * DAY + 3 * HOUR + n, draw.uniform(10, 30)) for n in range(1500)]
    return Week(
        tuple(sorted(videos, key=lambda one: one.at)),
        outages=_hours((2, 9.0, 1.5), (3, 20.25, 0.75), (4, 17.5, 3.0)),
        scarce=_hours((0, 14.0, 4.0), (3, 20.0, 6.0)),
    )


def _ordinary(draw: random.Random) -> list[float]:
    times, now = [], 0.0
    while now < WEEK:
        day, hour = int(now // DAY), int(now % DAY // HOUR)
        rate = 8.0 if day >= 5 else 120.0 if hour in OPEN_HOURS else 15.0
        now += draw.expovariate(rate / HOUR)
        times.append(now)
    return times[:-1]


def _length(draw: random.Random) -> float:
    kind = draw.random()
    if kind < 0.70:
        return draw.uniform(60, 600)
    return draw.uniform(1200, 3600) if kind < 0.96 else draw.uniform(2 * HOUR, 5 * HOUR)


def _hours(*spans: tuple[int, float, float]) -> tuple[tuple[float, float], ...]:
    """From day, hour and length in hours."""
    return tuple((day * DAY + hour * HOUR, day * DAY + (hour + length) * HOUR) for day, hour, length in spans)
