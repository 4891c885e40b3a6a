"""The frame plan: which moments of a chunk the model is shown, and how large (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from consumer.errors import ErrorCode, PermanentError
from consumer.media.chunks import Chunk
from consumer.media.frame_size import FrameSize, best_size
from consumer.media.info import MediaInfo

MIN_FRAMES = 4
"""What the model's authors show at least."""

GOOD_CELLS = 128
"""Vision tokens a pair of frames below which frames are left out rather than made smaller (the authors' own floor)."""

LEAST_CELLS = 4
"""Vision tokens a pair below which a clip shows nothing (64 x 64 pixels)."""


@dataclass(frozen=True, slots=True)
class FramePlan:
    """The frames wanted of one chunk.

    Args:
        times: seconds of source time, strictly increasing, inside the chunk; an even number, at least 4.
        width: pixels, a multiple of 32.
        height: likewise.
        fps: frames a second that `times` amounts to.
        vision_tokens: what the clip costs: pairs * (height / 32) * (width / 32).
        degraded: every reduction that a budget asked for, each as part of a sentence.
        keyframes_only: take key frames only.
    """

    chunk: Chunk
    times: tuple[float, ...]
    width: int
    height: int
    fps: float
    vision_tokens: int
    degraded: tuple[str, ...]
    keyframes_only: bool

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the pixels: T, H, W and 3."""
        return (len(self.times), self.height, self.width, 3)

    @property
    def bytes(self) -> int:
        """Of the pixels, uint8."""
        return math.prod(self.shape)


def plan_frames(
    chunk: Chunk,
    info: MediaInfo,
    *,
    fps: float | None,
    max_frames: int,
    max_vision_tokens: int,
    keyframes_only: bool,
) -> FramePlan:
    """Choose times and size so that both budgets hold.

    Where something must give: first the frames become smaller, down to 128 tokens a pair; then there are fewer of them,
    down to 4; then they become smaller still, down to 4 tokens a pair. `fps` is never above the source's, except that
    there are always 4 times; not more than `max_frames`. A rate above the source's is no reduction and not recorded:
    all there is will be shown.

    Args:
        fps: frames a second asked for; None: as many as fit.
        max_frames: at least 4.

    Raises:
        PermanentError: BUDGET_TOO_SMALL, four frames of the least size do not fit.
    """
    length = chunk.seconds
    native = best_size(info.width, info.height, math.inf)
    rate = info.fps if fps is None else min(fps, info.fps)
    wanted = _even(math.ceil(length * rate - 1e-6))
    most_pairs = max_vision_tokens // min(native.cells, GOOD_CELLS)
    count = max(MIN_FRAMES, min(wanted, max_frames // 2 * 2, most_pairs * 2))
    cells = max_vision_tokens // (count // 2)
    if cells < min(native.cells, LEAST_CELLS):
        least = MIN_FRAMES // 2 * min(native.cells, LEAST_CELLS)
        message = f"max_vision_tokens leaves room for {max_vision_tokens} vision tokens, and a clip needs {least}."
        raise PermanentError(ErrorCode.BUDGET_TOO_SMALL, message)
    size = best_size(info.width, info.height, cells)
    lowered = fps is not None and count < wanted
    on_grid = count == wanted and (count - 1) / rate < length - 1e-6
    spacing = 1 / rate if on_grid else length / count
    return FramePlan(
        chunk=chunk,
        times=tuple(round(chunk.start_time + index * spacing, _digits(spacing)) for index in range(count)),
        width=size.width,
        height=size.height,
        fps=1 / spacing,
        vision_tokens=count // 2 * size.cells,
        degraded=(
            *_size_note(native, size, info, max_vision_tokens),
            *(_count_note(wanted, count, max_frames, max_vision_tokens) if lowered else ()),
        ),
        keyframes_only=keyframes_only,
    )


def _digits(spacing: float) -> int:
    """Microseconds, unless that made several times one: files may claim to last a few nanoseconds."""
    return 6 if spacing >= 1e-5 else 12


def _even(count: int) -> int:
    return max(MIN_FRAMES, count // 2 * 2)


def _size_note(native: FrameSize, size: FrameSize, info: MediaInfo, budget: int) -> tuple[str, ...]:
    if size == native:
        return ()
    return (f"frames of {info.width}x{info.height} made {size.width}x{size.height} to fit max_vision_tokens {budget}",)


def _count_note(wanted: int, count: int, max_frames: int, budget: int) -> tuple[str, ...]:
    reason = f"max_frames_per_chunk {max_frames}" if count >= max_frames // 2 * 2 else f"max_vision_tokens {budget}"
    return (f"{wanted} frames made {count} to fit {reason}",)
