"""The final event of a job (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from consumer.events.combining import reference, sum_timings, sum_tokens
from consumer.events.models import (
    Aggregation,
    ChunkResult,
    ErrorInfo,
    Provenance,
    Timings,
    Tokens,
    VideoInfo,
    VideoJob,
    VideoResult,
)
from consumer.inference.aggregation import Aggregate
from consumer.job.context import JobContext
from consumer.job.results import coverage_of, verdict
from consumer.job.run import Run
from consumer.media.info import MediaInfo


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Args:
        results: of the chunks in order of index, recovered ones included; not all of them when `trouble` came first.
        trouble: what went wrong with the job as a whole.
        info, context: None when the run ended before the video was opened, or planned.
        aggregate: None when none was asked for or could be made.
        fetch_seconds: to open the video. `seconds`: of the whole run. `now_ms`: milliseconds since the epoch.
    """

    results: Sequence[ChunkResult]
    trouble: ErrorInfo | None
    info: MediaInfo | None
    context: JobContext | None
    aggregate: Aggregate | None
    fetch_seconds: float
    seconds: float
    now_ms: int


def make_final(job: VideoJob, run: Run, end: Ending) -> VideoResult:
    """The final event; partition, offset and event id of its chunks are for the stream to fill."""
    results, context, summary = end.results, end.context, end.aggregate
    status, error = verdict(results, end.trouble)
    aggregation = aggregation_of(summary) if summary is not None else None
    spent = aggregation.tokens if aggregation is not None else Tokens()
    return VideoResult(
        success=status == "succeeded",
        video_info=VideoInfo.model_validate(asdict(end.info)) if end.info is not None else None,
        num_chunks=_planned(results, context),
        aggregated_response=summary.text if summary is not None else None,
        total_successful_chunks=sum(result.success for result in results),
        total_processing_time=end.seconds,
        job_id=job.job_id,
        run_id=run.run_id,
        status=status,
        error=error,
        chunks=[reference(result) for result in results],
        coverage=coverage_of(context.plan.span, results) if context is not None else None,
        aggregation=aggregation,
        warnings=list(summary.warnings) if summary is not None else [],
        tokens=sum_tokens([*(result.tokens for result in results), spent]),
        timings=sum_timings([*(result.timings for result in results), Timings(fetch=end.fetch_seconds)]),
        attempts=run.attempt,
        provenance=_provenance(results, context),
        metadata=job.metadata,
        created_at=end.now_ms,
    )


def _planned(results: Sequence[ChunkResult], context: JobContext | None) -> int:
    if context is not None:
        return len(context.plan.chunks)
    return results[0].num_chunks if results else 0


def _provenance(results: Sequence[ChunkResult], context: JobContext | None) -> Provenance | None:
    if context is not None:
        return context.provenance
    return results[0].provenance if results else None


def aggregation_of(summary: Aggregate) -> Aggregation:
    """What the aggregate took, as events carry it."""
    tokens = Tokens(prompt=summary.prompt_tokens, completion=summary.completion_tokens)
    return Aggregation(levels=summary.levels, calls=summary.calls, tokens=tokens)
