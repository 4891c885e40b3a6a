"""Counts the CPU time that a worker spends on its metrics: every counting, every page, every look at the backlog."""

from __future__ import annotations

import atexit
import functools
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from prometheus_client import Counter, Gauge

from consumer.stream.backlog_watch import BacklogWatch
from consumer.telemetry.declaring import Labelled
from consumer.telemetry.deferred import Deferred
from consumer.telemetry.histogram import Histogram
from consumer.telemetry.probes import Pages
from tests.chaos.mutations import patch

METERED: dict[str, tuple[tuple[Any, str], ...]] = {
    "counting": (
        (Counter, "inc"),
        (Gauge, "inc"),
        (Gauge, "dec"),
        (Gauge, "set"),
        (Histogram, "observe"),
        (Histogram, "observe_all"),
        (Labelled, "labels"),
    ),
    "putting off": ((Deferred, "later"),),
    "pages": ((Pages, "answer"),),
    "backlog": ((BacklogWatch, "_look"),),
}
"""What is metered, by the names under which the log tells it; the clock's own time is taken off."""


def metered() -> None:
    """From now on; the log's last line (event `metered`) tells calls and CPU seconds, and those of the process."""
    calls: dict[str, int] = dict.fromkeys(METERED, 0)
    seconds: dict[str, float] = dict.fromkeys(METERED, 0.0)
    inside = threading.local()

    def timed(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(*given: Any, **named: Any) -> Any:
            if getattr(inside, "one", False):
                # Its time is in that of the outer one, and so would the clock's be.
                return original(*given, **named)
            inside.one = True
            first, began = time.thread_time(), time.thread_time()
            try:
                return original(*given, **named)
            finally:
                # Between two looks at the clock lies the time of one.
                seconds[name] += (time.thread_time() - began) - (began - first)
                calls[name] += 1
                inside.one = False

        return call

    for name, places in METERED.items():
        for owner, method in places:
            patch(owner, method, functools.partial(timed, name))

    def tell() -> None:
        structlog.get_logger(__name__).info("metered", calls=calls, seconds=seconds, process=time.process_time())

    atexit.register(tell)
