"""Plays the week with one policy: pods that start, work, are lost and deleted, each for its price."""

from __future__ import annotations

import itertools
import random
from collections import deque
from dataclasses import dataclass, field

from consumer.runpod.scaling import Member, MemberState, decide
from tools.scaling.policies import SPEED, Policy, View
from tools.scaling.week import DAY, HOUR, WEEK, Video, Week

STEP = 120.0
START_SECONDS = 300.0
CHEAP, DEAR = 0.39, 0.69
LOST_AN_HOUR = 1 / 40
"""Chance that a spot pod is taken away within an hour."""
RESTARTS = tuple(day * DAY + 12 * HOUR for day in range(7))
"""When the autoscaler is started anew, with nothing remembered."""


@dataclass(slots=True)
class Pod:
    """A pod: seconds that are left of the video it works on; None: it is idle."""

    id: str
    hourly: float
    ready_at: float
    video: Video | None = None
    left: float = 0.0

    def member(self, now: float) -> Member:
        working = MemberState.WORKING if self.video is not None else MemberState.IDLE
        return Member(self.id, MemberState.STARTING if now < self.ready_at else working, self.hourly)


@dataclass(slots=True)
class Outcome:
    """What came of it; waits are seconds from a job's arrival to its end, in the order of the ends."""

    cost: float = 0.0
    pod_hours: float = 0.0
    waits: list[float] = field(default_factory=list)
    most_pods: int = 0
    most_hourly: float = 0.0
    lost: int = 0
    left_over: int = 0


class Simulation:
    """One run; `play` may be called once."""

    def __init__(self, week: Week, policy: Policy, seed: int = 1) -> None:
        self._week, self._policy = week, policy
        self._draw = random.Random(seed)  # noqa: S311 - a simulation
        self._arriving = deque(week.videos)
        self._waiting: deque[tuple[Video, float]] = deque()
        self._done: list[float] = []
        self._pods: list[Pod] = []
        self._numbers = itertools.count()
        self._surplus_since: float | None = None
        self.outcome = Outcome()

    def play(self) -> Outcome:
        """The week, and a day more in which everything is finished and the fleet comes to rest."""
        now = 0.0
        while now < WEEK + DAY:
            self._scale(now)
            now += STEP
            self._work(now)
            self._lose()
            self._pay()
        self.outcome.left_over = len(self._pods)
        return self.outcome

    def _scale(self, now: float) -> None:
        if now in RESTARTS:
            self._surplus_since = None
        if _within(now, self._week.outages):
            return
        view = View(
            [left for _, left in self._waiting], [pod.left for pod in self._pods if pod.video is not None], self._done
        )
        price = DEAR if _within(now, self._week.scarce) else CHEAP
        found = decide(
            [pod.member(now) for pod in self._pods],
            self._policy.demand(view),
            self._policy.limits,
            price=price,
            surplus_since=self._surplus_since,
            now=now,
        )
        self._surplus_since = found.surplus_since
        self._pods = [pod for pod in self._pods if pod.id not in found.remove]
        for _ in range(found.create):
            self._pods.append(Pod(f"pod{next(self._numbers):05d}", price, now + START_SECONDS))

    def _work(self, now: float) -> None:
        while self._arriving and self._arriving[0].at <= now - STEP:
            video = self._arriving.popleft()
            self._waiting.append((video, video.seconds))
        for pod in self._pods:
            time = STEP if pod.ready_at <= now - STEP else 0.0
            while time > 0 and (pod.video is not None or self._waiting):
                if pod.video is None:
                    pod.video, pod.left = self._waiting.popleft()
                spent = min(time, pod.left / SPEED)
                time, pod.left = time - spent, pod.left - spent * SPEED
                if pod.left <= 1e-6:
                    self._done.append(pod.video.seconds)
                    self.outcome.waits.append(now - time - pod.video.at)
                    pod.video = None

    def _lose(self) -> None:
        """Chunks that were published are not computed again, so what is left of a video goes to another pod."""
        for pod in list(self._pods):
            if self._draw.random() < LOST_AN_HOUR * STEP / HOUR:
                self.outcome.lost += 1
                self._pods.remove(pod)
                if pod.video is not None:
                    self._waiting.appendleft((pod.video, pod.left))

    def _pay(self) -> None:
        hourly = sum(pod.hourly for pod in self._pods)
        self.outcome.cost += hourly * STEP / HOUR
        self.outcome.pod_hours += len(self._pods) * STEP / HOUR
        self.outcome.most_pods = max(self.outcome.most_pods, len(self._pods))
        self.outcome.most_hourly = max(self.outcome.most_hourly, hourly)


def _within(now: float, spans: tuple[tuple[float, float], ...]) -> bool:
    return any(begin <= now < end for begin, end in spans)
