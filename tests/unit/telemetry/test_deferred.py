"""What is put off is counted before anybody reads, and does not pile up where nobody does."""

from __future__ import annotations

from consumer.telemetry.deferred import MOST_PENDING, Deferred
from consumer.telemetry.metrics import Metrics


def test_it_is_counted_when_the_page_is_read() -> None:
    metrics = Metrics()
    metrics.deferred.later(metrics.frames_total.inc, 3)
    metrics.deferred.later(metrics.frames_total.inc, 4)
    assert metrics.registry.get_sample_value("video_consumer_frames_total") == 7
    assert metrics.registry.get_sample_value("video_consumer_frames_total") == 7, "once"


def test_it_does_not_pile_up() -> None:
    counted: list[int] = []
    deferred = Deferred()
    for number in range(MOST_PENDING - 1):
        deferred.later(counted.append, number)
    assert counted == []
    deferred.later(counted.append, MOST_PENDING - 1)
    assert counted == list(range(MOST_PENDING))
