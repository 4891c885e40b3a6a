"""From what happened to the final event (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from consumer.errors import CODES, CodedError, ErrorCode
from consumer.events.models import ChunkResult, Coverage, ErrorInfo, Status
from consumer.job.coverage import Span, covered_seconds, find_gaps


def error_info(error: CodedError) -> ErrorInfo:
    """The error as events carry it."""
    return ErrorInfo(code=error.code, message=error.message, retryable=CODES[error.code].transient)


def coverage_of(whole: Span, results: Sequence[ChunkResult]) -> Coverage:
    """What the successful chunks cover of `whole` (seconds)."""
    gaps = find_gaps(whole, [(one.start_time, one.end_time) for one in results if one.success])
    return Coverage(
        covered_seconds=covered_seconds(whole, gaps),
        total_seconds=whole[1] - whole[0],
        gaps=[list(gap) for gap in gaps],
    )


def verdict(results: Sequence[ChunkResult], trouble: ErrorInfo | None) -> tuple[Status, ErrorInfo | None]:
    """The job's status and error.

    Args:
        results: of the chunks; may be empty, or not all, when `trouble` ended the job before.
        trouble: what went wrong with the job as a whole, outside its chunks.
    """
    failures = [one.error for one in results if one.error is not None]
    some = any(one.success for one in results)
    if trouble is not None and trouble.code is ErrorCode.CANCELLED:
        return "cancelled", trouble
    if trouble is not None:
        return ("partial" if some else "failed"), trouble
    if not failures:
        return "succeeded", None
    code = _most_frequent([error.code for error in failures])
    first = next(error for error in failures if error.code is code)
    most = f", most with {code.value}" if len({error.code for error in failures}) > 1 else ""
    message = f"{len(failures)} of {len(results)} chunks failed{most}: {first.message}"
    summary = ErrorInfo(code=code, message=message, retryable=first.retryable)
    return ("partial" if some else "failed"), summary


def _most_frequent(codes: Sequence[ErrorCode]) -> ErrorCode:
    """The first seen wins a tie."""
    return Counter(codes).most_common(1)[0][0]
