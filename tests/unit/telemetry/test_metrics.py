"""The metrics page: every promised name is on it, labels are bounded, series exist from the start."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from consumer import __version__
from consumer.stream.outcomes import Verdict
from consumer.telemetry.metrics import CODES, TRANSACTION_OUTCOMES, Metrics

CONTRACT = [
    "jobs_total",
    "chunks_total",
    "dead_letters_total",
    "job_duration_seconds",
    "chunk_stage_seconds",
    "video_seconds_total",
    "frames_total",
    "tokens_total",
    "realtime_factor",
    "chunks_in_flight",
    "jobs_in_progress",
    "transactions_total",
    "indefinite_outcomes_total",
    "recoveries_total",
    "transaction_seconds",
    "recovered_chunks_total",
    "recomputed_chunks_total",
    "rebalances_total",
    "fenced_total",
    "engine_last_progress_seconds",
    "backlog_video_seconds",
    "source_bytes_total",
    "build_info",
]


def page(metrics: Metrics) -> dict[str, float]:
    text = generate_latest(metrics.registry).decode()
    return {
        sample.name + "".join(f"{{{key}={value}}}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize("name", CONTRACT)
def test_every_name_of_the_contract_is_an_attribute_and_on_the_page(name: str) -> None:
    metrics = Metrics()
    assert hasattr(metrics, name)
    assert any(key.startswith(f"video_consumer_{name}") for key in page(metrics))


def test_every_metric_has_a_sentence_of_help() -> None:
    helps = {family.name: family.documentation for family in Metrics().registry.collect()}
    for name, text in helps.items():
        assert text.endswith(".") or not name.startswith("video_consumer"), name


def test_counters_start_at_zero_and_count() -> None:
    metrics = Metrics()
    series = "video_consumer_chunks_total{status=failed}"
    assert page(metrics)[series] == 0
    metrics.chunks_total.labels(status="failed").inc()
    assert page(metrics)[series] == 1


@pytest.mark.parametrize("labels", [{"status": "great"}, {"state": "failed"}])
def test_an_undeclared_label_is_refused_by_name(labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(labels))):
        Metrics().chunks_total.labels(**labels)


def test_dead_letters_know_every_reason_code() -> None:
    metrics = Metrics()
    for code in CODES:
        metrics.dead_letters_total.labels(code=code).inc()
    assert page(metrics)["video_consumer_dead_letters_total{code=CANCELLED}"] == 1


def test_transaction_outcomes_are_the_verdicts_of_the_stream() -> None:
    # A call that is made again is no end of a transaction.
    failures = {verdict.value for verdict in Verdict} - {"retry"}
    assert set(TRANSACTION_OUTCOMES) == {"committed", *failures}


@pytest.mark.parametrize(
    ("seconds", "metric", "bucket"),
    [(1800.0, "job_duration_seconds", "1800.0"), (0.004, "transaction_seconds", "0.005")],
)
def test_buckets_tell_typical_times_apart(seconds: float, metric: str, bucket: str) -> None:
    metrics = Metrics()
    getattr(metrics, metric).observe(seconds)
    values = page(metrics)
    assert values[f"video_consumer_{metric}_bucket{{le={bucket}}}"] == 1
    assert sum(value for key, value in values.items() if key.startswith(f"video_consumer_{metric}_bucket")) > 1


def test_the_version_and_the_process_are_on_the_same_page() -> None:
    values = page(Metrics())
    assert values[f"video_consumer_build_info{{version={__version__}}}"] == 1
    for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"):
        assert values[name] > 0
    assert any(key.startswith("python_gc_collections_total") for key in values)


def test_two_processes_worth_of_metrics_do_not_share_state() -> None:
    registry = CollectorRegistry()
    one, other = Metrics(registry), Metrics()
    one.fenced_total.inc()
    assert one.registry is registry
    assert page(other)["video_consumer_fenced_total"] == 0
