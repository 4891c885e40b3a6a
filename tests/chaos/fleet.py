"""The worker processes of a run: as many as are wanted, whatever becomes of them."""

from __future__ import annotations

import signal
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.deployment import Deployment
from tests.chaos.mutant import EXIT_CODE
from tests.chaos.timeline import Timeline
from tests.integration.worker_process import WorkerProcess

LEAVE_SECONDS = 40.0
KILLED = -signal.SIGKILL
# Fenced twice in a row: it leaves its partitions to others, as the contract says.
FENCED = 3


@dataclass
class Member:
    """A worker of the fleet; `expected`: the exit codes that it may have; `until`: when it must have ended."""

    name: str
    process: WorkerProcess
    expected: frozenset[int]
    frozen: bool = False
    leaving: bool = False
    until: float = float("inf")


@dataclass
class Fleet:
    """Starts workers and sees that none ends in a way that it should not.

    Args:
        wanted: how many there should be.
    """

    deployment: Deployment
    timeline: Timeline
    wanted: int
    words: tuple[str, ...] = ("poison",)
    members: list[Member] = field(default_factory=list)
    exits: Counter[int] = field(default_factory=Counter)
    poisoned: int = 0
    _wrong: list[str] = field(default_factory=list)
    _started: int = 0

    def tend(self) -> None:
        """Bury the dead, and start as many as are missing."""
        for member in list(self.members):
            code = member.process.process.poll()
            if code is not None:
                member.process.wait()
                self._bury(member, code)
            elif time.monotonic() > member.until:
                self._wrong.append(f"{member.name} did not end within {LEAVE_SECONDS:.0f} s after SIGTERM")
                member.process.kill()
        while len([one for one in self.members if not one.leaving]) < self.wanted:
            self._started += 1
            name = f"worker-{self._started:03}"
            process = self.deployment.worker(name, *self.words)
            self.members.append(Member(name, process, frozenset({FENCED})))
            self.timeline.note("started", worker=name, pid=process.process.pid)

    def _bury(self, member: Member, code: int) -> None:
        self.members.remove(member)
        self.exits[code] += 1
        self.timeline.note("ended", worker=member.name, code=code)
        if code in member.expected:
            return
        if code in (KILLED, EXIT_CODE):
            self.poisoned += 1
            return
        last = member.process.log.read_text(encoding="utf-8", errors="replace")[-1500:]
        self._wrong.append(f"{member.name} ended with code {code}: {last}")

    def pick(self, target: float) -> Member | None:
        """One of those that run; None if there is none."""
        there = [one for one in self.members if not one.leaving and not one.frozen]
        return there[int(target * len(there))] if there else None

    def kill(self, member: Member) -> None:
        """SIGKILL."""
        member.expected |= {KILLED}
        member.leaving = True
        member.process.signal(signal.SIGKILL)

    def leave(self, member: Member) -> None:
        """SIGTERM."""
        started = "probes_listening" in member.process.log.read_text(encoding="utf-8", errors="replace")
        # A process that has only begun to import its modules ends as the signal says.
        member.expected |= {0} if started else {0, -signal.SIGTERM}
        member.leaving = True
        member.until = time.monotonic() + LEAVE_SECONDS
        member.process.signal(signal.SIGTERM)

    def freeze(self, member: Member) -> None:
        """SIGSTOP."""
        member.frozen = True
        member.process.signal(signal.SIGSTOP)

    def thaw(self, member: Member) -> None:
        """SIGCONT."""
        member.frozen = False
        if member.process.process.poll() is None:
            member.process.signal(signal.SIGCONT)

    def disband(self) -> None:
        """All leave, in good order; returns when they have."""
        self.wanted = 0
        for member in self.members:
            if not member.leaving:
                self.leave(member)
        while self.members:
            self.tend()
            time.sleep(0.05)

    def kill_all(self) -> None:
        """Whatever state they are in."""
        for member in self.members:
            member.process.kill()

    def wrong(self) -> list[str]:
        """Ends that should not have been."""
        return list(self._wrong)
