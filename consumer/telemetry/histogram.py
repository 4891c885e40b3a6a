"""A histogram that takes many observations at once, for a fraction of what they cost one by one."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

import prometheus_client


class Histogram(prometheus_client.Histogram):
    """prometheus_client's, and `observe_all`."""

    def observe_all(self, amounts: Sequence[float]) -> None:
        """As `observe` of each."""
        if not amounts:
            return
        self._raise_if_not_observable()  # type: ignore[no-untyped-call]
        self._sum.inc(sum(amounts))
        # The last bound is infinite, so each amount has its bucket; one lock a bucket instead of two an amount.
        for index, count in Counter(bisect_left(self._upper_bounds, amount) for amount in amounts).items():
            self._buckets[index].inc(count)
