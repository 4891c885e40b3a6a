"""What a job takes from outside: clocks, sleep, chance and tracing, so that tests can hand in their own."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from consumer.telemetry.tracing import NO_TRACING, Tracing


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Tools:
    """Clocks, sleep, chance and tracing.

    Args:
        now_ms: milliseconds since the epoch, for `created_at` and deadlines.
        monotonic: seconds, for durations.
        sleep: waits that many seconds.
        draw: uniform in [0, 1), for jitter and for the seed of a second try.
        tracing: makes spans, or none.
    """

    now_ms: Callable[[], int] = _now_ms
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    draw: Callable[[], float] = random.random
    tracing: Tracing = NO_TRACING
