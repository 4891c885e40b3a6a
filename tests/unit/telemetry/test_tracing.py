"""Without an endpoint nothing is traced, at no cost; what is wrong with one is said in a sentence."""

from __future__ import annotations

import sys
import tracemalloc

import pytest

from consumer.errors import ConfigurationError
from consumer.settings import Settings, load_settings
from consumer.telemetry.tracing import NO_TRACING
from consumer.telemetry.tracing_choice import make_tracing

VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"


def test_without_an_endpoint_there_is_one_span_for_all() -> None:
    tracing = make_tracing(Settings(), "worker-1")
    assert tracing is NO_TRACING
    assert tracing.stage("decode") is tracing.stage("generate") is tracing.job(None, job_id="a")
    with tracing.job(None) as span:
        assert span.trace_id is None


def test_a_span_that_nobody_wants_costs_nothing() -> None:
    stages = [NO_TRACING.stage] * 1000
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        for stage in stages:
            with stage("decode") as span:
                span.tell(fetch_seconds=0.5)
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert now - before < 1000 and peak - before < 2000


def test_an_error_goes_its_way() -> None:
    with pytest.raises(ValueError, match="seen"), NO_TRACING.stage("decode"):
        raise ValueError("seen")


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "consumer.telemetry.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ConfigurationError) as raised:
        make_tracing(Settings(otel_exporter_otlp_endpoint="http://collector:4318"), "worker-1")
    assert str(raised.value) == (
        f"{VARIABLE} is set, but opentelemetry is not installed: install video-consumer[tracing], or unset it."
    )


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("collector:4318", "http://host:port"),
        ("grpc://collector:4317", "http://host:port"),
        ("http://", "http://host:port"),
        ("http://collector:port", "Port could not be cast"),
        ("http://collector :4318", "http://host:port"),
        ("http://me:hunter2@collector:4318", "no user, query or fragment"),
        ("http://collector:4318/?key=hunter2", "no user, query or fragment"),
    ],
)
def test_an_address_that_is_none_is_named(address: str, why: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_settings(environment={VARIABLE: address})
    said = str(raised.value)
    assert said.startswith(f"The setting {VARIABLE} (from environment) is wrong: ") and why in said
    assert "hunter2" not in said and "\n" not in said


@pytest.mark.parametrize("address", ["http://collector:4318", "https://tempo.example/otlp/", "http://[::1]:4318"])
def test_an_address(address: str) -> None:
    assert load_settings(environment={VARIABLE: address}).settings.otel_exporter_otlp_endpoint == address
    assert load_settings(environment={VARIABLE: ""}).settings.otel_exporter_otlp_endpoint is None
