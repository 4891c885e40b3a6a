"""GPU time and money go by the clock, however late the event loop comes to count them."""

from __future__ import annotations

import pytest

from consumer.telemetry.metrics import Metrics
from consumer.telemetry.spending import spend


async def test_they_are_counted_as_time_goes_by() -> None:
    metrics, now, sleeps = Metrics(), [100.0], [1.0, 1799.0]

    async def sleep(_: float) -> None:
        if not sleeps:
            raise TimeoutError
        now[0] += sleeps.pop(0)

    with pytest.raises(TimeoutError):
        await spend(metrics, 2, 0.5, lambda: now[0], sleep)
    value = metrics.registry.get_sample_value
    assert value("video_consumer_gpu_seconds_total") == 3600
    assert value("video_consumer_cost_total") == pytest.approx(0.25)
