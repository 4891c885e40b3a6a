"""How a finished record shows in metrics and logs."""

from __future__ import annotations

import structlog

from consumer.stream.effects import Concluded
from consumer.telemetry.metrics import Metrics

_log = structlog.get_logger(__name__)


def report_conclusion(done: Concluded, metrics: Metrics) -> None:
    """Count the job, and its dead letter where it left one, and say so in one log line."""
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
    )
