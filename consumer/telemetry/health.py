"""What the process tells its probes: whether it has started, which loops go on, what is missing, what is in work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Beat:
    """A loop: `seconds` since it was last heard of, of which more than its `limit` are too many."""

    name: str
    seconds: float
    limit: float

    @property
    def late(self) -> bool:
        """Whether it stands still."""
        return self.seconds > self.limit


@dataclass(frozen=True, slots=True)
class Start:
    """Whether it is over, and the seconds that it has taken so far, or took."""

    over: bool
    seconds: float


class HealthState:
    """Written by the worker's threads, read by the probes; every method may be called from any thread.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._limits: dict[str, float] = {}
        self._beats: dict[str, float] = {}
        self._ready: dict[str, bool] = {}
        self._begun = clock()
        self._start_seconds: float | None = None
        self._jobs: Callable[[], list[dict[str, Any]]] | None = None

    def expect(self, name: str, limit: float) -> None:
        """From now on the loop `name` must beat at least every `limit` seconds."""
        with self._lock:
            self._limits[name] = limit
            self._beats[name] = self._clock()

    def beat(self, name: str) -> None:
        """The loop `name` makes progress.

        Raises:
            ValueError: nobody expects this loop; its standing still would go unseen.
        """
        with self._lock:
            if name not in self._limits:
                raise ValueError(f"The loop {name} beats, but no limit was set for it with expect().")
            self._beats[name] = self._clock()

    def set_ready(self, name: str, ready: bool) -> None:
        """Whether the part `name` is ready; the process is ready once all parts that were ever named are."""
        with self._lock:
            self._ready[name] = ready

    def set_jobs(self, jobs: Callable[[], list[dict[str, Any]]]) -> None:
        """Where `/jobs` asks for what is in work; called in a probe's thread."""
        with self._lock:
            self._jobs = jobs

    def set_started(self) -> None:
        """The start is over: from now on standing still is a fault, and no more a model that loads."""
        with self._lock:
            self._start_seconds = self._clock() - self._begun

    def start(self) -> Start:
        """How the start goes, or went."""
        with self._lock:
            seconds = self._start_seconds
            return Start(seconds is not None, self._clock() - self._begun if seconds is None else seconds)

    def beats(self) -> list[Beat]:
        """The loops that are expected to beat, by name."""
        with self._lock:
            now = self._clock()
            return [Beat(name, now - beat, self._limits[name]) for name, beat in sorted(self._beats.items())]

    def parts(self) -> dict[str, bool]:
        """Each part that was ever named, and whether it is ready; `start` as long as none was."""
        with self._lock:
            return dict(sorted(self._ready.items())) or {"start": False}

    def jobs(self) -> list[dict[str, Any]]:
        """What is in work."""
        with self._lock:
            jobs = self._jobs
        return jobs() if jobs is not None else []
