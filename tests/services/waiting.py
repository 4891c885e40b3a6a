"""Waiting for a condition of a service, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.services.errors import ServicesError
from tests.services.sandbox import Child

READY_SECONDS = 90.0
EVERY_SECONDS = 0.05


def wait_ready(name: str, child: Child, ready: Callable[[], bool]) -> None:
    """Until `ready()`.

    Raises:
        ServicesError: the process ended, or it was not ready in 90 s; with the end of its log.
    """
    deadline = time.monotonic() + READY_SECONDS
    while not ready():
        if not child.running:
            raise ServicesError(f"{name} ended while it started: {child.last_words()}")
        if time.monotonic() > deadline:
            raise ServicesError(f"{name} was not ready within {READY_SECONDS:.0f} s: {child.last_words()}")
        time.sleep(EVERY_SECONDS)
