"""Every metric of this process, each declared once: name, kind, help, labels with their allowed values, buckets.

The attributes of `Metrics` are named like the metrics without the prefix `video_consumer_`. Label values come from the
closed sets below, so the number of series is known beforehand, and every series exists from the start: a rate over the
first failure is then right, because the counter was seen at zero.
"""

from __future__ import annotations

from itertools import product
from typing import Generic, TypeVar, cast, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
)

from consumer import __version__
from consumer.errors import ErrorCode
from consumer.events.models import Status

PREFIX = "video_consumer"

JOB_STATUSES: tuple[str, ...] = get_args(Status)
CHUNK_STATUSES = ("succeeded", "failed")
CODES = tuple(code.value for code in ErrorCode)
STAGES = ("fetch", "decode", "wait", "first_token", "generate")
TOKEN_KINDS = ("vision", "prompt", "completion")
# Committed, or what was done about the failure (`consumer.stream.outcomes.Verdict`; a test holds the two together).
# Up to `evicted` all failures were aborted, and the first two tried again.
TRANSACTION_OUTCOMES = (
    "committed",
    "abort",
    "regroup",
    "refused",
    "evicted",
    "broken",
    "fenced",
    "stop",
)
INDEFINITE_ENDS = ("unknown", "late")
REBALANCE_EVENTS = ("assigned", "revoked", "lost")

_JOB_BUCKETS = (10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400)
_CHUNK_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600)
_TRANSACTION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_FACTOR_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)

M = TypeVar("M", bound=Counter | Gauge | Histogram)


class Labelled(Generic[M]):
    """A metric with labels whose values are known beforehand.

    Args:
        metric: the prometheus_client object, made with exactly the label names of `allowed`.
        allowed: the values that each label may take.
    """

    def __init__(self, metric: M, **allowed: tuple[str, ...]) -> None:
        self.metric = metric
        self.allowed = allowed
        for values in product(*allowed.values()):
            metric.labels(**dict(zip(allowed, values, strict=True)))

    def labels(self, **values: str) -> M:
        """The series of these label values.

        Raises:
            ValueError: a label or value that is not declared here; it would make an unbounded number of series.
        """
        for name, value in values.items():
            if value not in self.allowed.get(name, ()):
                raise ValueError(f"The metric label {name}={value!r} is not declared in consumer.telemetry.metrics.")
        return cast(M, self.metric.labels(**values))


class Metrics:
    """The metrics of one process.

    Args:
        registry: where they are registered; None: one of their own, `self.registry`.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._jobs()
        self._chunks()
        self._stream()
        self._process()

    def _jobs(self) -> None:
        self.jobs_total = Labelled(
            self._counter("jobs_total", "Jobs that ended, by the status of their final result.", "status"),
            status=JOB_STATUSES,
        )
        self.dead_letters_total = Labelled(
            self._counter("dead_letters_total", "Records sent to the dead-letter topic, by reason code.", "code"),
            code=CODES,
        )
        self.job_duration_seconds = self._histogram(
            "job_duration_seconds", "Processing time of a job from its start to its final result.", _JOB_BUCKETS
        )
        self.realtime_factor = self._histogram(
            "realtime_factor", "Seconds of video per second of processing, of each job.", _FACTOR_BUCKETS
        )
        self.jobs_in_progress = self._gauge("jobs_in_progress", "Jobs in work in this process.")
        self.backlog_video_seconds = self._gauge(
            "backlog_video_seconds", "Seconds of video not yet described in the jobs that are in work."
        )

    def _chunks(self) -> None:
        self.chunks_total = Labelled(
            self._counter("chunks_total", "Chunks that were computed, by how they ended.", "status"),
            status=CHUNK_STATUSES,
        )
        self.chunk_stage_seconds = Labelled(
            self._histogram(
                "chunk_stage_seconds",
                "Time of a chunk in a stage: fetching bytes, decoding frames, waiting for the engine, until the first "
                "token, until the last.",
                _CHUNK_BUCKETS,
                "stage",
            ),
            stage=STAGES,
        )
        self.chunks_in_flight = self._gauge("chunks_in_flight", "Chunks in work in this process.")
        self.recoveries_total = self._counter(
            "recoveries_total", "Jobs of which the log was read back, to find what an earlier run had published."
        )
        self.recovered_chunks_total = self._counter(
            "recovered_chunks_total", "Chunks taken over from an earlier run of their job instead of computed again."
        )
        self.recomputed_chunks_total = self._counter(
            "recomputed_chunks_total", "Chunks computed again because an earlier run ended before publishing them."
        )
        self.video_seconds_total = self._counter("video_seconds_total", "Seconds of video described.")
        self.frames_total = self._counter("frames_total", "Frames shown to the model.")
        self.source_bytes_total = self._counter("source_bytes_total", "Bytes read from the sources of videos.")
        self.tokens_total = Labelled(
            self._counter(
                "tokens_total", "Tokens that went through the model; those of prompts include vision tokens.", "kind"
            ),
            kind=TOKEN_KINDS,
        )
        self.engine_last_progress_seconds = self._gauge(
            "engine_last_progress_seconds",
            "Seconds since the engine last made a token or read a part of a prompt, zero while it has nothing to do.",
        )

    def _stream(self) -> None:
        self.transactions_total = Labelled(
            self._counter(
                "transactions_total", "Transactions: committed, or what was done about each that failed.", "outcome"
            ),
            outcome=TRANSACTION_OUTCOMES,
        )
        self.transaction_seconds = self._histogram(
            "transaction_seconds", "Time of a transaction from its begin to its commit.", _TRANSACTION_BUCKETS
        )
        self.indefinite_outcomes_total = Labelled(
            self._counter(
                "indefinite_outcomes_total",
                "Transactions whose end is unknown, or was known so late that it may come twice: their producer was "
                "thrown away.",
                "end",
            ),
            end=INDEFINITE_ENDS,
        )
        self.rebalances_total = Labelled(
            self._counter("rebalances_total", "Callbacks of the consumer group about partitions.", "event"),
            event=REBALANCE_EVENTS,
        )
        self.fenced_total = self._counter(
            "fenced_total", "Transactions refused because another process took the partition over."
        )

    def _process(self) -> None:
        info = Info(f"{PREFIX}_build", "The version that runs.", registry=self.registry)
        info.info({"version": __version__})
        self.build_info = info
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        # Typed for the global registry only, but any will do.
        GCCollector(registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", text, labels, buckets=buckets, registry=self.registry)
