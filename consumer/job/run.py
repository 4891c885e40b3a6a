"""What a run of a job is told, and how it hands back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from consumer.events.models import ChunkResult
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
