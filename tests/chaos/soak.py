"""A day in minutes: workers under a steady load, rolling restarts, a broker's restart; what it costs and leaves."""

from __future__ import annotations

import itertools
import json
import re
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.process_cost import family, proportional_mib
from tests.chaos import audit
from tests.chaos.auditor import Auditor
from tests.chaos.deployment import Deployment
from tests.chaos.ground import Ground
from tests.integration.worker_process import WorkerProcess, wait_until

WORKERS, CHUNKS = 4, 3
JOBS_A_SECOND = 1.0
GRACE_SECONDS = 10
# Of a process's life, until everything that is loaded late is there.
WARM_UP = 0.4
# Shorter lives say nothing about growth.
SHORTEST_LIFE_SECONDS = 60.0
LOOK_SECONDS = 1.0
TURN_SECONDS = 0.05
START_SECONDS, END_SECONDS = 120.0, 240.0
RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"


@dataclass
class Watched:
    """A worker's process; `samples`: seconds of the monotonic clock, and MiB with its decoders."""

    name: str
    process: WorkerProcess
    samples: list[tuple[float, int]] = field(default_factory=list)

    def growth(self) -> float | None:
        """Memory at the end of its life over that after the warm-up, medians; None for a life that was too short."""
        if not self.samples or self.samples[-1][0] - self.samples[0][0] < SHORTEST_LIFE_SECONDS:
            return None
        warm = [size for _, size in self.samples[int(len(self.samples) * WARM_UP) :]]
        half = len(warm) // 2
        return statistics.median(warm[half:]) / statistics.median(warm[:half])


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Args:
        violations: empty if all was as it should be.
        growths: of each process that lived long enough.
        leaving: seconds from SIGTERM to the end, of each process.
        warnings: how often the logs have which.
    """

    jobs: int
    violations: list[str]
    growths: list[float]
    leaving: list[float]
    warnings: Counter[str]


@dataclass
class Soak:
    """Two rolling restarts, at a quarter and at three quarters of the time, and a broker's restart in the middle.

    Args:
        directory: for logs; empty.
        minutes: how long the load lasts.
    """

    ground: Ground
    directory: Path
    minutes: float
    deployment: Deployment = field(init=False)
    running: list[Watched] = field(default_factory=list)
    ended: list[Watched] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    leaving: list[float] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    # The load: from when until when.
    _began: float = float("inf")
    _stops: float = float("inf")
    _looked: float = 0.0

    def carry_out(self) -> Outcome:
        """Returns when all is over and all processes have ended."""
        self.deployment = self.ground.deployment(self.directory, "consumer")
        self.deployment.settings |= {"SHUTDOWN_GRACE_SECONDS": str(GRACE_SECONDS), "LOG_LEVEL": "INFO"}
        with self.deployment.auditor() as auditor:
            try:
                for slot in range(WORKERS):
                    self._start(slot)
                self._began = time.monotonic()
                for part, happens in ((0.25, self._roll), (0.5, self._restart_broker), (0.75, self._roll)):
                    self._until(part)
                    happens()
                self._until(1.0)
                self._settle(auditor)
                for one in list(self.running):
                    self._end(one)
            finally:
                for one in self.running:
                    one.process.kill()
            self.violations += audit.results(self.deployment.sent, auditor.read_again())
        warnings = self._read_logs()
        growths = [growth for one in self.ended if (growth := one.growth()) is not None]
        return Outcome(len(self.deployment.sent), self.violations, growths, self.leaving, warnings)

    def _start(self, slot: int) -> None:
        """And see that it is ready."""
        name = f"worker-{slot}-{len(self.ended)}"
        one = Watched(name, self.deployment.worker(name))
        self.running.append(one)
        self._while(lambda: one.process.get("/readyz")[0] != 200, START_SECONDS, f"{name} is ready")

    def _end(self, one: Watched) -> None:
        told = time.monotonic()
        self.running.remove(one)
        self.ended.append(one)
        one.process.signal(signal.SIGTERM)
        self._while(lambda: one.process.process.poll() is None, START_SECONDS, f"{one.name} ends")
        self.leaving.append(time.monotonic() - told)
        code = one.process.wait()
        if code != 0:
            self.violations.append(f"{one.name} ended with code {code} after SIGTERM")

    def _roll(self) -> None:
        """One worker after the other, as on Kubernetes: the next one when the one before is ready again."""
        for slot, one in enumerate(list(self.running)):
            self._end(one)
            self._start(slot)

    def _restart_broker(self) -> None:
        self.ground.cluster.stop(0)
        self.ground.cluster.restart(0)

    def _settle(self, auditor: Auditor) -> None:
        """No new jobs: the lag goes back to 0, and everything is finished."""
        self._stops = time.monotonic()
        sent = self.deployment.sent

        def over() -> bool:
            self._look()
            return not {job.job_id for job in sent} - auditor.finished() and not audit.standing(
                sent, self.deployment.standing()
            )

        wait_until(over, seconds=END_SECONDS, what="all jobs are finished and the lag is 0", every=LOOK_SECONDS)

    def _until(self, part: float) -> None:
        """The load goes on until that share of the time is over."""
        end = self._began + part * self.minutes * 60
        self._while(lambda: time.monotonic() < end, self.minutes * 60 + START_SECONDS, "the time goes by")

    def _while(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while condition():
            assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
            self._feed()
            self._look()
            time.sleep(TURN_SECONDS)

    def _feed(self) -> None:
        due = self._began + len(self.deployment.sent) / JOBS_A_SECOND
        if not self._began <= time.monotonic() < self._stops or time.monotonic() < due:
            return
        number = next(self._numbers)
        source: dict[str, Any] = self.ground.remote if number % 3 == 0 else self.ground.local
        self.deployment.send(
            number % self.deployment.partitions, chunks=CHUNKS, chunk_duration=2, chunk_overlap=0, **source
        )

    def _look(self) -> None:
        if time.monotonic() < self._looked + LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        for one in self.running:
            pid, code = one.process.process.pid, one.process.process.poll()
            assert code is None, f"{one.name} ended by itself with code {code}: {one.process.log}"
            one.samples.append((self._looked, proportional_mib(family(pid))))

    def _read_logs(self) -> Counter[str]:
        """Errors, and warnings that the runbook does not explain, are violations; returns the explained ones."""
        explained = set(re.findall(r"`([\w.]+)`", RUNBOOK.read_text(encoding="utf-8")))
        found: Counter[str] = Counter()
        for path in sorted(self.directory.glob("*.log")):
            for line in path.read_text(encoding="utf-8").splitlines():
                record = json.loads(line) if line.startswith("{") else {"level": "error", "event": line}
                if record["level"] not in ("warning", "error", "critical"):
                    continue
                # librdkafka's lines have its own words; the runbook knows them by their logger.
                names: set[str] = explained & {record["event"], record.get("logger", "")}
                if record["level"] == "warning" and names:
                    found.update(names)
                else:
                    self.violations.append(f"{path.stem}: {line}")
        return found
