"""How long the requests of a thread may take as a whole.

The time-outs of HTTP libraries are for one read: a server that sends a byte a second, of its headers too, never runs
into them. So the connections underneath ask here before each.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_own = threading.local()


@contextmanager
def until(deadline: float) -> Iterator[None]:
    """Every read and write of this thread in the body ends before `deadline` on the monotonic clock.

    Where one is inside another the earlier moment counts.
    """
    before = _deadline()
    _own.deadline = min(before, deadline)
    try:
        yield
    finally:
        _own.deadline = before


def left(timeout: float | None) -> float | None:
    """Seconds for the next step, at most `timeout`; None: as many as it takes.

    Raises:
        TimeoutError: there are none.
    """
    seconds = _deadline() - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("The time for the whole request is over.")
    if seconds == float("inf"):
        return timeout
    return seconds if timeout is None else min(timeout, seconds)


def _deadline() -> float:
    deadline: float = getattr(_own, "deadline", float("inf"))
    return deadline
