"""What fails, in which order, and for how long: a pure function of the seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice


class Kind(StrEnum):
    """What can fail."""

    KILL = "kill"
    """SIGKILL to a worker; another is started."""
    TERM = "term"
    """SIGTERM to a worker; another is started."""
    FREEZE = "freeze"
    """SIGSTOP to a worker for longer than its session, then SIGCONT."""
    JOIN = "join"
    """One worker more, from now on."""
    LEAVE = "leave"
    """One worker less, from now on, by SIGTERM."""
    BROKER = "broker"
    """SIGKILL to the broker that leads a partition of the results; it comes back later."""
    CUT = "cut"
    """No worker reaches one of the brokers."""
    SLOW = "slow"
    """Everything that one of the brokers sends to workers is late."""
    RESET = "reset"
    """Each connection to one of the brokers is reset shortly after it was made."""
    STORE = "store"
    """SIGKILL to the store; it comes back later."""


# How often each comes in a round; each round has all of them, in another order.
ROUND = {
    Kind.KILL: 3,
    Kind.TERM: 2,
    Kind.FREEZE: 3,
    Kind.JOIN: 1,
    Kind.LEAVE: 1,
    Kind.BROKER: 2,
    Kind.CUT: 2,
    Kind.SLOW: 1,
    Kind.RESET: 2,
    Kind.STORE: 1,
}
# Seconds that it lasts, from and to; a session is three seconds long.
LASTS = {
    Kind.FREEZE: (4.0, 8.0),
    Kind.BROKER: (1.0, 6.0),
    Kind.CUT: (0.5, 6.0),
    Kind.SLOW: (2.0, 6.0),
    Kind.RESET: (1.0, 5.0),
    Kind.STORE: (2.0, 6.0),
}
POISON_EVERY = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure.

    Args:
        target: which of those that are there when it comes, from 0 to 1.
        seconds: how long it lasts, for kinds that last.
        after: it comes when this many chunks were committed since the one before.
        milliseconds: of delay or patience, for SLOW and RESET.
        poison: whether a job that kills its worker is sent along.
    """

    number: int
    kind: Kind
    target: float
    seconds: float
    after: int
    milliseconds: int
    poison: bool


def schedule(seed: int, count: int) -> tuple[Fault, ...]:
    """The faults of a run."""
    chance = random.Random(seed)
    return tuple(
        Fault(
            number=number,
            kind=kind,
            target=chance.random(),
            seconds=round(chance.uniform(*LASTS.get(kind, (0.0, 0.0))), 3),
            after=chance.choice((0, 1, 2, 3, 5, 8)),
            milliseconds=chance.randrange(20, 400),
            poison=number % POISON_EVERY == POISON_EVERY // 5,
        )
        for number, kind in enumerate(islice(_kinds(chance), count))
    )


def _kinds(chance: random.Random) -> Iterator[Kind]:
    everything = [kind for kind, times in ROUND.items() for _ in range(times)]
    while True:
        chance.shuffle(everything)
        yield from list(everything)
