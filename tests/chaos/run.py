"""One run: workers that are kept busy while the faults of a seed happen, and the judgement at the end."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import audit
from tests.chaos.auditor import Auditor
from tests.chaos.deployment import Deployment
from tests.chaos.faults import Trouble
from tests.chaos.fleet import Fleet
from tests.chaos.ground import CHUNKS_IN_FLIGHT, MAX_ATTEMPTS, Ground, Protocol
from tests.chaos.mutant import POISON
from tests.chaos.schedule import Fault, schedule
from tests.chaos.timeline import Timeline
from tests.integration.worker_process import wait_until

CHUNKS = 3
BACKLOG = 2
"""Jobs that are kept waiting or in work, by partition."""
MOST_AT_ONCE = 3
# Nothing may get done while everything is away; then the next fault comes all the same.
LONGEST_WAIT_SECONDS = 12.0
LOOK_SECONDS = 2.0
TURN_SECONDS = 0.05
END_SECONDS = 240.0


@dataclass(frozen=True)
class Outcome:
    """What came of a run; `violations` is empty if the guarantee held."""

    seed: int
    protocol: str
    faults: Counter[str]
    violations: list[str]
    jobs: int
    poison: int
    deaths: int
    chunks: int
    recomputed: int
    most_recomputed: int
    seconds: float
    exits: Counter[int]
    directory: Path

    def complaint(self) -> str:
        """For a person who must find out what went wrong."""
        found = "\n  ".join(["the guarantee was broken:", *self.violations])
        return (
            f"seed {self.seed}, {self.faults.total()} faults, protocol {self.protocol}: {found}\n"
            f"The timeline is {self.directory / 'timeline.jsonl'}, with the workers' logs beside it."
        )


@dataclass
class Run:
    """The state of a run.

    Args:
        ground: the servers, all of them well.
        directory: for logs and timeline; empty.
        protocol: of the consumer group.
    """

    ground: Ground
    seed: int
    count: int
    workers: int
    directory: Path
    protocol: Protocol = "consumer"
    deployment: Deployment = field(init=False)
    timeline: Timeline = field(init=False)
    _next: Iterator[int] = field(default_factory=itertools.count)

    def carry_out(self) -> Outcome:
        """Let everything happen; never raises for what it finds, only if the servers or the harness fail."""
        self.deployment = self.ground.deployment(self.directory, self.protocol)
        self.timeline = Timeline(self.directory / "faults.jsonl")
        self.timeline.note("run", seed=self.seed, faults=self.count, workers=self.workers, protocol=self.protocol)
        started = time.monotonic()
        faults = schedule(self.seed, self.count)
        with ExitStack() as stack:
            auditor = stack.enter_context(self.deployment.auditor())
            fleet = Fleet(self.deployment, self.timeline, self.workers)
            stack.callback(fleet.kill_all)
            trouble = Trouble(
                self.ground.cluster,
                self.ground.ways,
                self.ground.store,
                fleet,
                self.timeline,
                self.workers,
                self.deployment.topics.chunk_results,
            )
            stack.callback(trouble.close)
            violations = self._faults(faults, auditor, fleet, trouble)
            trouble.close()
            violations += self._end(auditor, fleet) if not violations else []
            seen = auditor.seen
            asked = list(self.deployment.asked())
            # Each of these may take away what a whole fleet had in flight.
            most = (len(faults) + fleet.poisoned) * (self.workers + 2) * CHUNKS_IN_FLIGHT
            if not violations:
                violations = audit.computed(self.deployment.sent, seen, asked, most)
        self.timeline.merge(self.deployment.records(), self.directory / "timeline.jsonl")
        return Outcome(
            seed=self.seed,
            protocol=self.protocol,
            faults=Counter(fault.kind.value for fault in faults),
            violations=violations,
            jobs=len(self.deployment.sent),
            poison=sum(job.poison for job in self.deployment.sent),
            deaths=fleet.poisoned,
            chunks=sum(one.kind == "chunk" for one in seen),
            recomputed=audit.recomputed(self.deployment.sent, asked),
            most_recomputed=most,
            seconds=time.monotonic() - started,
            exits=fleet.exits,
            directory=self.directory,
        )

    def _faults(self, faults: tuple[Fault, ...], auditor: Auditor, fleet: Fleet, trouble: Trouble) -> list[str]:
        """Until the last fault is over, or something is wrong."""
        waiting = list(faults)
        looked, last, base = 0.0, 0.0, 0
        while waiting or trouble.active:
            fleet.tend()
            trouble.tend()
            now, chunks = time.monotonic(), auditor.count("chunk")
            self._feed(auditor)
            if not last and chunks:
                last = now  # the first fault comes when work is being done
            if waiting and last and trouble.active < MOST_AT_ONCE:
                due = chunks >= base + waiting[0].after or now > last + LONGEST_WAIT_SECONDS
                if due and trouble.possible(waiting[0]):
                    fault = waiting.pop(0)
                    if fault.poison:
                        self._send(fault.number, poison=True)
                    trouble.begin(fault)
                    last, base = now, chunks
            if now > looked + LOOK_SECONDS:
                looked = now
                wrong = audit.twice(auditor.seen) + fleet.wrong()
                if wrong:
                    return wrong
            time.sleep(TURN_SECONDS)
        return []

    def _end(self, auditor: Auditor, fleet: Fleet) -> list[str]:
        """Everything is well again: all must come to its end, and be as it should."""
        sent = self.deployment.sent

        def over() -> bool:
            fleet.tend()
            if {job.job_id for job in sent} - auditor.finished():
                return False
            return not audit.standing(sent, self.deployment.standing())

        found: list[str] = []
        try:
            wait_until(over, seconds=END_SECONDS, what="all jobs are finished after the last fault", every=0.2)
        except AssertionError as error:
            found.append(str(error))
        fleet.disband()
        again = auditor.read_again()
        found += fleet.wrong()
        found += audit.results(sent, again)
        found += audit.dead_letters(sent, again, MAX_ATTEMPTS)
        found += audit.standing(sent, self.deployment.standing())
        read = {one.place: one.value for one in auditor.seen}
        if read != {one.place: one.value for one in again}:
            found.append("what was read along the way is not what stands in the topics")
        return found

    def _feed(self, auditor: Auditor) -> None:
        finished = auditor.finished()
        open_jobs = Counter(job.partition for job in self.deployment.sent if job.job_id not in finished)
        for partition in range(self.deployment.partitions):
            if open_jobs[partition] < BACKLOG:
                self._send(partition)

    def _send(self, place: int, *, poison: bool = False) -> None:
        number = next(self._next)
        prompt = f"{POISON}:{'exit' if number % 2 else 'kill'}" if poison else "What happens?"
        source = self.ground.remote if number % 3 == 0 else self.ground.local
        self.deployment.send(
            place % self.deployment.partitions,
            chunks=CHUNKS,
            job_id=f"seed-{self.seed}-job-{number}",
            poison=poison,
            prompt=prompt,
            chunk_duration=2,
            chunk_overlap=0,
            **source,
        )
