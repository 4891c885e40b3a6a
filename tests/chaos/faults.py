"""Lets a fault happen, and undoes it when its time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from confluent_kafka.admin import AdminClient

from tests.chaos.fleet import Fleet
from tests.chaos.schedule import Fault, Kind
from tests.chaos.timeline import Timeline
from tests.services.kafka import KafkaCluster
from tests.services.minio import Minio
from tests.services.toxiproxy import Toxiproxy

SECONDS = 20.0
FEWEST, MOST_MORE = 2, 2


@dataclass
class _Active:
    fault: Fault
    over: float
    undo: Callable[[], None]
    undoing: Future[None] | None = None


@dataclass
class Trouble:
    """Everything that can be made to fail.

    Args:
        workers: how many workers the run began with.
        topic: whose partitions' leaders are killed.
    """

    cluster: KafkaCluster
    ways: Toxiproxy
    store: Minio
    fleet: Fleet
    timeline: Timeline
    workers: int
    topic: str
    _active: list[_Active] = field(default_factory=list)
    # Starting a server again takes seconds, which the run must not stand still for.
    _hands: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4))

    @property
    def active(self) -> int:
        """How many faults are not over."""
        return len(self._active)

    def possible(self, fault: Fault) -> bool:
        """Whether there is what it would harm; one broker at most is away, for two in sync must be left."""
        kinds = {one.fault.kind for one in self._active}
        if fault.kind in (Kind.BROKER, Kind.CUT, Kind.SLOW, Kind.RESET):
            return not kinds & {Kind.BROKER, Kind.CUT, Kind.SLOW, Kind.RESET}
        if fault.kind is Kind.STORE:
            return Kind.STORE not in kinds
        return self.fleet.pick(fault.target) is not None

    def begin(self, fault: Fault) -> None:
        """Let it happen."""
        undo = self._begun(fault)
        if undo is not None:
            self._active.append(_Active(fault, time.monotonic() + fault.seconds, undo))

    def tend(self) -> None:
        """Undo what has lasted long enough.

        Raises:
            ServicesError: a server does not come back.
        """
        for one in list(self._active):
            if one.undoing is None and time.monotonic() >= one.over:
                one.undoing = self._hands.submit(one.undo)
            if one.undoing is not None and one.undoing.done():
                one.undoing.result()
                self._active.remove(one)
                self.timeline.note("over", fault=one.fault.number, kind=one.fault.kind)

    def _begun(self, fault: Fault) -> Callable[[], None] | None:
        fleet, target = self.fleet, ""
        undo: Callable[[], None] | None = None
        if fault.kind in (Kind.KILL, Kind.TERM, Kind.FREEZE):
            member = fleet.pick(fault.target)
            assert member is not None, "possible() was asked"
            target = member.name
            if fault.kind is Kind.KILL:
                fleet.kill(member)
            elif fault.kind is Kind.TERM:
                fleet.leave(member)
            else:
                fleet.freeze(member)
                undo = lambda: fleet.thaw(member)  # noqa: E731 - it belongs to this very member
        elif fault.kind is Kind.JOIN:
            fleet.wanted = min(fleet.wanted + 1, self.workers + MOST_MORE)
        elif fault.kind is Kind.LEAVE:
            fleet.wanted = max(fleet.wanted - 1, min(FEWEST, self.workers))
            member = fleet.pick(fault.target)
            if member is not None:
                target = member.name
                fleet.leave(member)
        elif fault.kind is Kind.STORE:
            self.store.kill()
            undo = self.store.restart
        else:
            target, undo = self._broken_way(fault)
        self.timeline.note("fault", fault=fault.number, kind=fault.kind, target=target, seconds=fault.seconds)
        return undo

    def _broken_way(self, fault: Fault) -> tuple[str, Callable[[], None]]:
        number = self._leader(fault.target)
        name = str(number)
        if fault.kind is Kind.BROKER:
            self.cluster.kill(number)
            return name, lambda: self.cluster.restart(number)
        if fault.kind is Kind.CUT:
            self.ways.cut(name)
        elif fault.kind is Kind.SLOW:
            self.ways.slow(name, fault.milliseconds)
        else:
            self.ways.reset(name, fault.milliseconds)
        return name, lambda: self.ways.mend(name)

    def _leader(self, target: float) -> int:
        """The number (from 0) of the broker that leads one of the topic's partitions."""
        admin = AdminClient({"bootstrap.servers": self.cluster.bootstrap, "log_level": 0})
        partitions = admin.list_topics(self.topic, timeout=SECONDS).topics[self.topic].partitions
        leader = partitions[int(target * len(partitions))].leader
        return max(leader, 1) - 1

    def close(self) -> None:
        """Undo everything now."""
        for one in self._active:
            one.over = 0.0
        while self._active:
            self.tend()
            time.sleep(0.05)
        self._hands.shutdown()
