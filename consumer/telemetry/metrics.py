"""Every metric of this process, each declared once: name, kind, unit, a sentence, labels with their values, buckets.

The attributes are named like the metrics without the prefix `video_consumer_`; docs/metrics.md is made from them. Label
values come from the closed sets below, so the number of series is known beforehand, and every series exists from the
start: a rate over the first failure is then right, because the counter was seen at zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Info,
    PlatformCollector,
    ProcessCollector,
)

from consumer import __version__
from consumer.errors import ErrorCode
from consumer.events.models import Status
from consumer.telemetry.declaring import (
    PREFIX,
    Declared,
    counter,
    counters,
    gauge,
    gauges,
    histogram,
    histograms,
)

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
# Those of `consumer.stream.machine.Phase` in which a partition is owned; a test holds the two together.
PARTITION_PHASES = (
    "fencing",
    "idle",
    "claiming",
    "recovering",
    "running",
    "finishing",
    "dead_lettering",
    "releasing",
)
# How the length of a video that is still to be described is known.
BACKLOG_BASES = ("in_work", "stated", "average", "assumed")

_JOB_BUCKETS = (1, 3, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400)
_CHUNK_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600)
_TRANSACTION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_FACTOR_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)


class Metrics(Declared):
    """The metrics of one process.

    Args:
        registry: where they are registered; None: one of their own, `self.registry`.
    """

    # Jobs
    jobs_total = counters("jobs", "Jobs that ended, by the status of their final result.", status=JOB_STATUSES)
    dead_letters_total = counters("records", "Records sent to the dead-letter topic, by reason code.", code=CODES)
    job_duration_seconds = histogram(
        "seconds", "Processing time of a job from its start to its final result.", _JOB_BUCKETS
    )
    job_video_seconds = histogram(
        "seconds of video", "Length of what a job asks to be described, told when its video is opened.", _JOB_BUCKETS
    )
    realtime_factor = histogram("ratio", "Seconds of video per second of processing, of each job.", _FACTOR_BUCKETS)
    jobs_in_progress = gauge("jobs", "Jobs in work in this process.")
    backlog_jobs = gauge("jobs", "Jobs that wait in the partitions of this process, those in work not counted.")
    backlog_video_seconds = gauges(
        "seconds of video",
        "What is still to be described: of jobs in work (in_work, exact), and of jobs that wait, as far as their "
        "producers say how long it is (stated), else by the mean of the jobs that were begun or stated (average), or "
        "by ten minutes a job while no mean is known (assumed).",
        basis=BACKLOG_BASES,
    )
    engine_gpus = gauge("GPUs", "What the engine occupies: TENSOR_PARALLEL_SIZE GPUs; 1 stands for a CPU's machine.")
    gpu_seconds_total = counter("GPU seconds", "Time that this process has had its engine's GPUs, idle or not.")
    cost_total = counter("currency", "What this process has cost so far by PRICE_PER_HOUR.")

    # Chunks
    chunks_total = counters("chunks", "Chunks that were computed, by how they ended.", status=CHUNK_STATUSES)
    chunk_failures_total = counters("chunks", "Chunks that failed for good, by reason code.", code=CODES)
    chunk_stage_seconds = histograms(
        "seconds",
        "Time of a chunk in a stage: fetching bytes, decoding frames, waiting for the engine, until the first token, "
        "until the last.",
        _CHUNK_BUCKETS,
        stage=STAGES,
    )
    chunks_in_flight = gauge("chunks", "Chunks in work in this process.")
    recoveries_total = counter(
        "jobs", "Jobs of which the log was read back, to find what an earlier run had published."
    )
    recovered_chunks_total = counter(
        "chunks", "Chunks taken over from an earlier run of their job instead of computed again."
    )
    recomputed_chunks_total = counter(
        "chunks", "Chunks computed again because an earlier run ended before publishing them."
    )
    video_seconds_total = counter("seconds of video", "Seconds of video described.")
    frames_total = counter("frames", "Frames shown to the model.")
    source_bytes_total = counter("bytes", "Bytes read from the sources of videos.")
    tokens_total = counters(
        "tokens", "Tokens that went through the model; those of prompts include vision tokens.", kind=TOKEN_KINDS
    )
    engine_last_progress_seconds = gauge(
        "seconds",
        "Time since the engine last made a token or read a part of a prompt, zero while it has nothing to do.",
    )
    engine_requests = gauge("requests", "Requests that the engine has, begun or not.")

    # Kafka
    transactions_total = counters(
        "transactions",
        "Transactions: committed, or what was done about each that failed.",
        outcome=TRANSACTION_OUTCOMES,
    )
    transaction_seconds = histogram(
        "seconds", "Time of a transaction from its begin to its commit.", _TRANSACTION_BUCKETS
    )
    transaction_open_seconds = gauge(
        "seconds", "Age of the transaction that this process has open, its tries included, zero while there is none."
    )
    indefinite_outcomes_total = counters(
        "transactions",
        "Transactions whose end is unknown, or was known so late that it may come twice: their producer was thrown "
        "away.",
        end=INDEFINITE_ENDS,
    )
    rebalances_total = counters(
        "callbacks", "Callbacks of the consumer group about partitions.", event=REBALANCE_EVENTS
    )
    fenced_total = counter("transactions", "Transactions refused because another process took the partition over.")
    partitions = gauges(
        "partitions",
        "Partitions of the jobs topic that this process owns, by where they stand.",
        phase=PARTITION_PHASES,
    )

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        super().__init__(registry)
        self.build_info = Info(f"{PREFIX}_build", "The version that runs.", registry=self.registry)
        self.build_info.info({"version": __version__})
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        # Typed for the global registry only, but any will do.
        GCCollector(registry=self.registry)

    def count_commits(self, seconds: Sequence[float]) -> None:
        """Transactions that are committed, by how long each took."""
        self.transactions_total.labels(outcome="committed").inc(len(seconds))
        self.transaction_seconds.observe_all(seconds)

    def count_bytes(self, numbers: Sequence[int]) -> None:
        """Bytes read from sources."""
        self.source_bytes_total.inc(sum(numbers))
