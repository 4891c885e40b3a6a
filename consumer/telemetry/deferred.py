"""Counting that is put off until somebody looks: in one go it costs a fraction of what it costs between other work.

Fifteen metrics change with each chunk. Counted one by one where they happen, with everything else in the processor's
caches, they were 2 % of the CPU of a worker whose engine costs nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

MOST_PENDING = 256
"""Nobody may look for hours: so many are counted without being asked for."""


class Deferred(Collector):
    """Registered before the metrics themselves, it is asked before them, and counts then. For any thread."""

    def __init__(self) -> None:
        self._pending: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()

    def later(self, count: Callable[..., None], *values: Any) -> None:
        """Call `count` with these values before the metrics are read next."""
        self._pending.append((count, values))
        if len(self._pending) >= MOST_PENDING:
            self.collect()

    def describe(self) -> list[Metric]:
        """It has no metrics of its own."""
        return []

    def collect(self) -> list[Metric]:
        """Count what is pending; two threads that do so at once share the work."""
        while True:
            try:
                count, values = self._pending.popleft()
            except IndexError:
                return []
            count(*values)
