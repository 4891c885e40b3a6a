"""How what happens to a partition shows in metrics and logs: one line for each transition, failure and conclusion.

Together the lines of one partition and epoch tell its whole life: each `before` is the `phase` of the line before it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import structlog
from structlog.contextvars import bound_contextvars

from consumer.events.traceparent import TraceParent
from consumer.stream.effects import Concluded, ReadBack, Transact
from consumer.stream.machine import State
from consumer.stream.outcomes import Call, Verdict
from consumer.stream.recovery import Recovered
from consumer.stream.transaction import Failed
from consumer.stream.values import JobRecord
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.tracing import NO_TRACING, Span, Tracing

_log = structlog.get_logger(__name__)


def in_work(state: State) -> AbstractContextManager[None]:
    """For as long as the body lasts, every line of the log says which record it is about."""
    work = state.work
    if work is None:
        return bound_contextvars(partition=state.partition)
    told: dict[str, object] = {"partition": state.partition, "offset": work.record.offset, **_trace(work.record)}
    if work.job is not None:
        told["job_id"] = work.job.job_id
    return bound_contextvars(**told)


def report_transition(before: State, after: State) -> None:
    """Say where the partition stands now, unless it stands where it stood."""
    if after.phase is before.phase:
        return
    work = after.work or before.work
    _log.info(
        "partition_phase",
        partition=after.partition,
        epoch=after.epoch,
        before=before.phase.value,
        phase=after.phase.value,
        offset=work.record.offset if work is not None else None,
        job_id=work.job.job_id if work is not None and work.job is not None else None,
        attempt=work.progress.attempt if work is not None else None,
        chunks=len(work.published) if work is not None else None,
    )


def report_failure(metrics: Metrics, partition: int, failed: Failed) -> None:
    """Count a transaction that failed, by what is done about it."""
    metrics.transactions_total.labels(outcome=failed.verdict.value).inc()
    if failed.verdict is Verdict.BROKEN and failed.call in (Call.COMMIT, Call.ABORT):
        metrics.indefinite_outcomes_total.labels(end="unknown").inc()
    if failed.verdict is Verdict.FENCED:
        metrics.fenced_total.inc()
    _log.warning(
        "transaction_failed",
        partition=partition,
        call=failed.call.value,
        verdict=failed.verdict.value,
        reason=failed.message,
    )


def report_commit(metrics: Metrics, partition: int, seconds: float, *, suspect: bool) -> None:
    """Count a transaction that is committed."""
    metrics.deferred.later(metrics.count_commits, seconds)
    if suspect:
        metrics.indefinite_outcomes_total.labels(end="late").inc()
        _log.warning("commit_late", partition=partition, seconds=round(seconds, 3))


def publishing(tracing: Tracing, effect: Transact, run: TraceParent | None) -> AbstractContextManager[Span]:
    """A span for as long as a try to publish a record's end lasts; chunks have theirs where they are computed.

    Args:
        run: the span of the run that computed it; None: there was none, so the producer's counts.
    """
    if effect.final is None and effect.rejection is None:
        return NO_TRACING.stage("publish")
    return tracing.after(run or effect.record.parent, "publish")


def report_recovery(metrics: Metrics, asked: ReadBack, found: Recovered) -> None:
    """Count a job whose earlier results were looked for, and the chunks that need not be computed again."""
    metrics.recoveries_total.inc()
    metrics.recovered_chunks_total.inc(len(found.published))
    _log.info(
        "read_back",
        partition=asked.record.partition,
        offset=asked.record.offset,
        chunks=len(found.published),
        finished=found.finished,
    )


def report_conclusion(metrics: Metrics, done: Concluded) -> None:
    """Count the job, and its dead letter where it left one."""
    final, rejection = done.final, done.rejection
    error = final.error if final is not None else None
    code = rejection.code if rejection is not None else error.code if error is not None else None
    status = final.status if final is not None else "failed"
    if code is not None and status == "failed":
        metrics.dead_letters_total.labels(code=code.value).inc()
    job_id = final.job_id if final is not None else rejection.job_id if rejection is not None else None
    if job_id is not None:
        metrics.jobs_total.labels(status=status).inc()
    if final is not None:
        metrics.job_duration_seconds.observe(final.total_processing_time)
    _log.info(
        "job_concluded",
        partition=done.record.partition,
        offset=done.record.offset,
        job_id=job_id,
        status=status,
        code=code.value if code is not None else None,
        **_trace(done.record),
    )


def _trace(record: JobRecord) -> dict[str, str]:
    parent = record.parent
    return {} if parent is None else {"trace_id": parent.trace_id}
