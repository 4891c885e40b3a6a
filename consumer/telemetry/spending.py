"""What a process costs while it runs, as counters: a sum over workers that come and go is then right."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from consumer.telemetry.metrics import Metrics

EVERY_SECONDS = 1.0


async def spend(
    metrics: Metrics,
    gpus: int,
    price_per_hour: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Count GPU time and money until cancelled.

    Args:
        gpus: that the process holds.
        price_per_hour: of the process with all of them.
        clock: monotonic seconds.
    """
    before = clock()
    while True:
        await sleep(EVERY_SECONDS)
        now = clock()
        metrics.gpu_seconds_total.inc(gpus * (now - before))
        metrics.cost_total.inc(price_per_hour * (now - before) / 3600)
        before = now
