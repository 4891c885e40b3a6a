"""What is put off is counted before anybody reads, together with all that is alike, and does not pile up."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client import Histogram as Reference

from consumer.telemetry.deferred import MOST_PENDING, Deferred
from consumer.telemetry.histogram import Histogram
from consumer.telemetry.metrics import Metrics


def test_it_is_counted_when_the_page_is_read() -> None:
    metrics = Metrics()
    metrics.deferred.later(metrics.count_bytes, 3)
    metrics.deferred.later(metrics.count_commits, 0.02)
    metrics.deferred.later(metrics.count_bytes, 4)
    for what in ("counted", "once"):
        assert metrics.registry.get_sample_value("video_consumer_source_bytes_total") == 7, what
        assert metrics.registry.get_sample_value("video_consumer_transaction_seconds_count") == 1, what


def test_what_is_alike_is_counted_in_one_go_and_in_order() -> None:
    calls: list[object] = []
    deferred = Deferred()
    for number in range(3):
        # A bound method is another object each time that it is asked for.
        deferred.later(calls.append, number)
        deferred.later(calls.extend, [number])
    deferred.collect()
    assert calls == [[0, 1, 2], [0], [1], [2]]


def test_it_does_not_pile_up() -> None:
    counted: list[int] = []
    deferred = Deferred()
    for number in range(MOST_PENDING - 1):
        deferred.later(counted.extend, number)
    assert counted == []
    deferred.later(counted.extend, MOST_PENDING - 1)
    assert counted == list(range(MOST_PENDING))


@given(st.lists(st.one_of(st.floats(0, 12), st.sampled_from([0.5, 1.0, 10.0]))))
def test_many_observations_at_once_are_as_many_one_by_one(amounts: list[float]) -> None:
    registries = [CollectorRegistry(), CollectorRegistry()]
    Histogram("a", "A.", buckets=(0.5, 1, 10), registry=registries[0]).observe_all(amounts)
    reference = Reference("a", "A.", buckets=(0.5, 1, 10), registry=registries[1])
    for amount in amounts:
        reference.observe(amount)
    names = [*itertools.product(["a_bucket"], [{"le": le} for le in ("0.5", "1.0", "10.0", "+Inf")]), ("a_count", {})]
    for name, labels in names:
        assert registries[0].get_sample_value(name, labels) == registries[1].get_sample_value(name, labels)
    sums = [registry.get_sample_value("a_sum") or 0.0 for registry in registries]
    assert abs(sums[0] - sums[1]) < 1e-6
