"""The metrics page: every promised name is on it, labels are bounded, series exist from the start."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from consumer import __version__
from consumer.stream.machine import Phase
from consumer.stream.outcomes import Verdict
from consumer.telemetry.gpu import GPU_METRICS
from consumer.telemetry.histogram import Histogram
from consumer.telemetry.metrics import CODES, PARTITION_PHASES, TRANSACTION_OUTCOMES, Metrics

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
    "backlog_jobs",
    "job_video_seconds",
    "chunk_failures_total",
    "transaction_open_seconds",
    "engine_requests",
    "engine_gpus",
    "gpu_seconds_total",
    "cost_total",
    "partitions",
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


def test_every_metric_has_a_unit_a_sentence_and_bounded_labels() -> None:
    declared = {name: attribute.declaration for name, attribute in Metrics.declared().items()} | GPU_METRICS
    assert declared.keys() >= {name for name in CONTRACT if name != "build_info"}
    for name, one in declared.items():
        assert one.text.endswith(".") and one.unit, name
        assert (one.kind is Counter) == name.endswith("_total"), name
        # Names end as the field has it, so that nobody has to look the unit up.
        assert "seconds" not in one.unit or name.removesuffix("_total").endswith("_seconds"), name
        assert one.labels == {"gpu": ()} or all(values for values in one.labels.values()), name
        assert bool(one.buckets) == (one.kind is Histogram), name


def test_the_page_holds_what_is_declared_and_nothing_else_of_ours() -> None:
    ours = {family.name for family in Metrics().registry.collect() if family.name.startswith("video_consumer")}
    assert ours == {f"video_consumer_{name.removesuffix('_total')}" for name in [*Metrics.declared(), "build"]}


def test_a_metric_that_was_not_made_says_so() -> None:
    with pytest.raises(AttributeError, match="has not made fenced_total"):
        _ = Metrics.__new__(Metrics).fenced_total


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


def test_partition_phases_are_those_in_which_one_is_owned() -> None:
    assert {phase.value for phase in Phase} - {Phase.GONE.value} == set(PARTITION_PHASES)


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
