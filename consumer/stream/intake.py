"""What the workers have finished, sorted by the assignment that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from consumer.stream.values import ChunkOutcome, Crash, Drained, JobOutcome, Outcome

Place = tuple[int, int]
"""Partition and epoch of an assignment."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Outcomes in their order; a job's chunks come before its end. `crash`: nothing after it was looked at."""

    chunks: dict[Place, list[ChunkOutcome]] = field(default_factory=dict)
    ends: list[JobOutcome | Drained] = field(default_factory=list)
    crash: Crash | None = None


def take_in(outcomes: SimpleQueue[Outcome]) -> Intake:
    """Everything that is in the queue now."""
    intake = Intake()
    while True:
        try:
            outcome = outcomes.get_nowait()
        except Empty:
            return intake
        match outcome:
            case Crash():
                return Intake(crash=outcome)
            case ChunkOutcome():
                intake.chunks.setdefault((outcome.partition, outcome.epoch), []).append(outcome)
            case _:
                intake.ends.append(outcome)
