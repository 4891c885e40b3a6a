"""What the process tells its probes: which loops make progress, what is missing before it can work, what is in work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Stall:
    """A loop that stands still: `seconds` since its last beat, more than its `limit`."""

    name: str
    seconds: float
    limit: float


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

    def stalled(self) -> list[Stall]:
        """The loops that stand still, by name."""
        with self._lock:
            now = self._clock()
            ages = {name: now - beat for name, beat in sorted(self._beats.items())}
            return [Stall(name, age, self._limits[name]) for name, age in ages.items() if age > self._limits[name]]

    def missing(self) -> list[str]:
        """The parts that are not ready, by name; `start` as long as no part was named."""
        with self._lock:
            if not self._ready:
                return ["start"]
            return sorted(name for name, ready in self._ready.items() if not ready)

    def jobs(self) -> list[dict[str, Any]]:
        """What is in work."""
        with self._lock:
            jobs = self._jobs
        return jobs() if jobs is not None else []
