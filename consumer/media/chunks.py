"""The chunk plan: how a video is cut in time (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from consumer.errors import ErrorCode, PermanentError

MAX_CHUNKS = 100_000
SHORTEST_TAIL = 0.25
"""Share of what a chunk normally adds below which the last one is merged into the one before it."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A half-open span [start_time, end_time) in seconds of source time (0 is the first frame)."""

    index: int
    start_time: float
    end_time: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end_time - self.start_time


def plan_chunks(
    *, duration: float, chunk_duration: float, chunk_overlap: float, start_time: float, end_time: float | None
) -> tuple[Chunk, ...]:
    """Cut [start_time, end_time) of a video into chunks that each repeat the last `chunk_overlap` s of their neighbour.

    Chunk k starts at start_time + k * (chunk_duration - chunk_overlap) and is chunk_duration long; the last one ends
    where the span ends. Where the last one would add less than a quarter of what a chunk adds
    (chunk_duration - chunk_overlap), it is merged into the one before it, which is then up to a quarter longer: a clip
    of a second or two costs a whole request and tells little. Times are rounded to microseconds.

    Args:
        duration: of the video, seconds.
        end_time: None, or anything beyond the video's end: its end.

    Raises:
        PermanentError: EVENT_INVALID, start_time is not before the video's end, chunk_overlap is not shorter than
            chunk_duration, or there would be more than MAX_CHUNKS chunks.
    """
    step = chunk_duration - chunk_overlap
    if step <= 0:
        raise _invalid(
            f"chunk_overlap ({chunk_overlap:g} s) must be shorter than chunk_duration ({chunk_duration:g} s)."
        )
    end = _rounded(duration if end_time is None else min(end_time, duration))
    start = _rounded(start_time)
    if start >= end:
        raise _invalid(f"start_time ({start_time:g} s) must be before the end of the video ({duration:g} s).")
    # The tolerance keeps a last chunk of zero new seconds from coming into being through rounding.
    more = max(0, math.ceil((end - start - chunk_duration) / step - 1e-6))
    if more + 1 > MAX_CHUNKS:
        raise _invalid(f"chunk_overlap leaves {step:g} s a chunk, which makes more than {MAX_CHUNKS} chunks.")
    if more and end - (start + (more - 1) * step + chunk_duration) < SHORTEST_TAIL * step - 1e-6:
        more -= 1
    starts = [_rounded(start + index * step) for index in range(more + 1)]
    ends = [_rounded(start + index * step + chunk_duration) for index in range(more)]
    return tuple(Chunk(index, *span) for index, span in enumerate(zip(starts, [*ends, end], strict=True)))


def _rounded(seconds: float) -> float:
    return round(seconds, 6)


def _invalid(message: str) -> PermanentError:
    return PermanentError(ErrorCode.EVENT_INVALID, message)
