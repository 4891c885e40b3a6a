"""What a run of a job is told, and how it hands back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from consumer.errors import ErrorCode, PermanentError
from consumer.events.models import ChunkResult, VideoJob
from consumer.events.traceparent import TraceParent
from consumer.job.progress import Progress
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
        parent: the trace that its producer names.
        progress: how far it is, kept up to date by the runner.
    """

    run_id: str
    attempt: int
    recovered: Mapping[int, ChunkResult]
    stop: StopRequest = field(default_factory=StopRequest, compare=False)
    parent: TraceParent | None = None
    progress: Progress = field(default_factory=Progress, compare=False)

    def told(self, job: VideoJob, recorded: str | None) -> dict[str, str]:
        """What every line of the log about this run says.

        Args:
            recorded: the trace that its spans are in, if there are any.
        """
        trace_id = recorded or (self.parent.trace_id if self.parent is not None else None)
        told = {"job_id": job.job_id, "run_id": self.run_id}
        return told if trace_id is None else {**told, "trace_id": trace_id}


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
