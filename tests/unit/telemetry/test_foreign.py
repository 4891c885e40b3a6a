"""vLLM's metrics are on our page, and nothing else of the global registry."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from consumer.telemetry.foreign import ForeignMetrics


def test_only_the_families_of_the_prefix_come_over_whenever_they_are_made() -> None:
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    ours.register(ForeignMetrics(theirs))
    assert generate_latest(ours) == b""
    Counter("python_info", "Not theirs.", registry=theirs)
    Gauge("vllm:num_requests_running", "Theirs.", ["model_name"], registry=theirs).labels(model_name="m").set(3)
    page = generate_latest(ours).decode()
    assert 'vllm:num_requests_running{model_name="m"} 3.0' in page
    assert "python" not in page
