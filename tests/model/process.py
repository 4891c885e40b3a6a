"""One life of a worker process: the real `StreamLoop` in a greenlet, which stands still at every remote call.

A greenlet keeps the whole stack, so a process can be frozen anywhere and woken later as a zombie, or die there.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar, cast

from confluent_kafka import KafkaError, KafkaException
from greenlet import getcurrent, greenlet

from consumer.events.codec import EventCodec
from consumer.settings import Settings
from consumer.stream.loop import StreamLoop
from consumer.stream.values import Outcome
from consumer.telemetry.metrics import Metrics
from tests.model.cluster import Cluster
from tests.model.workers import ModelWorkers, Start

T = TypeVar("T")
MAX_ATTEMPTS = 3
SETTINGS = Settings(max_attempts=MAX_ATTEMPTS, max_concurrent_jobs=4, shutdown_grace_seconds=5.0)
METRICS = Metrics()
Standing = tuple[str, str]
"""A remote call, and `before` (not sent) or `after` (done, the answer not received)."""


class KilledError(BaseException):
    """SIGKILL: nothing that the process still does has any effect."""


class Process:
    """Args:
    number: of the process, unlike that of any other.
    started: told of every job that the workers are given.
    """

    def __init__(self, cluster: Cluster, number: int, started: Start) -> None:
        self.cluster, self.name = cluster, f"worker-{number}"
        self.alive, self.frozen = True, False
        self.exit_code: int | None = None
        self.standing: Standing | None = None
        self.trouble: tuple[str, str] | None = None
        self.member: str | None = None
        self.epochs: dict[str, int] = {}
        self.producers: dict[str, Any] = {}
        self.assignments: dict[int, int] = {}
        self.workers = ModelWorkers(self, started)
        self._skew = 7_000 * (number % 3 - 1)
        self._loop: StreamLoop | None = None
        self._greenlet = _Body(self._run)
        self._greenlet.process = self
        cluster.tell(f"{self.name} starts")

    @staticmethod
    def current() -> Process:
        """The process whose code is running now."""
        return cast(_Body, getcurrent()).process

    def advance(self) -> None:
        """Go on to the next remote call, or to the end."""
        self._greenlet.switch()

    def kill(self) -> None:
        """SIGKILL from outside."""
        self.cluster.tell(f"{self.name} is killed, {self.standing}")
        self.alive = False
        if self._greenlet:
            self._greenlet.throw(KilledError)

    def die(self) -> None:
        """The job ends the process, from inside."""
        self.cluster.tell(f"{self.name} is killed by its job")
        self.alive = False
        if getcurrent() is self._greenlet:
            raise KilledError
        self._greenlet.throw(KilledError)

    def stop(self) -> None:
        """SIGTERM."""
        if self._loop is not None:
            self._loop.stop()

    def stand(self, call: str, stage: str) -> None:
        """The process has come to this point; it goes on when it is told to."""
        self.standing = call, stage
        if self.alive:
            _main(self._greenlet).switch()
        if not self.alive:
            raise KilledError

    def remote(self, call: str, request: Callable[[], T], seconds: float = 1.0) -> T:
        """A request and its answer; a trouble of this call loses the one or the other, after `seconds`."""
        self.stand(call, "before")
        trouble = self.take_trouble(call)
        if trouble == "lost request":
            self.cluster.seconds += seconds
            raise timed_out()
        answer = request()
        self.stand(call, "after")
        if trouble is not None:
            self.cluster.seconds += seconds
            raise timed_out()
        return answer

    def take_trouble(self, call: str) -> str | None:
        """What is to go wrong with this call, once."""
        if self.trouble is None or self.trouble[0] != call:
            return None
        (_, kind), self.trouble = self.trouble, None
        self.cluster.tell(f"{self.name}: {kind} of {call}")
        return kind

    def _run(self) -> None:
        outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self.workers.outcomes = outcomes
        try:
            self._loop = StreamLoop(
                settings=SETTINGS,
                codec=EventCodec("json"),
                workers=self.workers,
                outcomes=outcomes,
                metrics=METRICS,
                worker=self.name,
                beat=lambda: None,
                assigned=lambda _: None,
                now=lambda: self.cluster.milliseconds + self._skew,
                clock=self.cluster.clock,
            )
            self.exit_code = self._loop.run()
            self.cluster.tell(f"{self.name} ends with code {self.exit_code}")
        except KilledError:
            pass
        finally:
            self.alive = False


class _Body(greenlet):
    process: Process


def _main(body: greenlet) -> greenlet:
    assert body.parent is not None
    return body.parent


def timed_out() -> KafkaException:
    """No answer in time, as librdkafka says it."""
    return KafkaException(KafkaError(KafkaError._TIMED_OUT, "timed out", False, True, False))
