"""What a run of a job is told, and how it hands back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from consumer.errors import ErrorCode, PermanentError
from consumer.events.models import ChunkResult, VideoJob
from consumer.job.stopping import StopRequest

Emit = Callable[[ChunkResult], Awaitable[None]]
"""Takes one finished chunk result; returns when it is safe (published), which is what bounds the results in flight."""


@dataclass(frozen=True, slots=True)
class Run:
    """One try of a job.

    Args:
        run_id: the same for every try of the same request.
        attempt: which try, from 1.
        recovered: chunk results already published by an earlier try, by index.
        stop: ends the run early, with a final result.
    """

    run_id: str
    attempt: int
    recovered: Mapping[int, ChunkResult]
    stop: StopRequest = field(default_factory=StopRequest, compare=False)


class Drained(Exception):  # noqa: N818 - no error: the runner was told to start nothing new
    """The run ended before all chunks were begun; those that were begun are finished and emitted."""


def require_time(job: VideoJob, run: Run, now_ms: int) -> None:
    """Raises PermanentError DEADLINE_EXCEEDED where the job may not start any more; work that is taken up may go on."""
    if job.deadline is not None and not run.recovered and now_ms > job.deadline:
        raise PermanentError(ErrorCode.DEADLINE_EXCEEDED, "The job's deadline had passed before it could start.")


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error of a group that is no group itself: one is enough to end the run."""
    error = group.exceptions[0]
    return first_error(error) if isinstance(error, BaseExceptionGroup) else error
