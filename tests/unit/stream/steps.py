"""Steps of one partition's life that the tests of the state machine begin with."""

from __future__ import annotations

from typing import TypeVar

from consumer.events.headers import event_id
from consumer.stream import effects as do
from consumer.stream import machine
from consumer.stream.machine import State
from consumer.stream.metadata import Progress
from consumer.stream.values import Published
from tests.unit.stream.builders import job, record

RUN_ID = event_id("video.jobs", 3, 5, "run")
T = TypeVar("T")


def idle(progress: Progress | None = None, results_end: int = 100) -> State:
    """A fenced partition with nothing in work."""
    state, _ = machine.assigned(3, 1, 3)
    found = do.Fenced(offset=5, progress=progress or Progress(), verify_below=9, results_end=results_end)
    return machine.fenced(state, found)[0]


def only(effects: tuple[do.Effect, ...], kind: type[T]) -> T:
    (found,) = [effect for effect in effects if isinstance(effect, kind)]
    return found


def commit(step: machine.Step, *, first: int = 100, suspect: bool = False) -> machine.Step:
    """Carry out the step's transaction."""
    state, effects = step
    transact = only(effects, do.Transact)
    published = tuple(Published(result, 3, first + place) for place, result in enumerate(transact.chunks))
    wrote = transact.final is not None or transact.rejection is not None
    return machine.committed(state, do.Committed(transact.progress, published, wrote, suspect))


def running(progress: Progress | None = None) -> State:
    return commit(machine.arrived(idle(progress), record(5), job()))[0]
