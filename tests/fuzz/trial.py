"""One file through the product's own door, as a job goes through it; what must hold of whatever comes out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from consumer.errors import CodedError, ErrorCode
from consumer.events.models import VideoInfo
from consumer.media.chunks import Chunk, plan_chunks
from consumer.media.frames import FramePlan, plan_frames
from consumer.media.info import MediaInfo
from consumer.media.library import Media, SampledFrames

CHUNK_SECONDS, CHUNK_OVERLAP = 1.5, 0.5
MOST_CHUNKS = 3
"""Of a file that claims to be long: the first, one in the middle, the last."""

DOCUMENTED = frozenset(
    code for code in ErrorCode if code.startswith(("MEDIA_", "SOURCE_")) or code is ErrorCode.CHUNK_NO_FRAMES
)

_RATES: tuple[float | None, ...] = (2.0, None, 30.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended.

    Args:
        kind: `whole`, all chunks were decoded; `part`, some were; else the code with which all ended.
        codes: of every failure.
        slowest: seconds of the longest call.
    """

    kind: str
    codes: tuple[ErrorCode, ...]
    slowest: float


class _Calls:
    """Calls into the product; each comes back, or raises what is documented."""

    def __init__(self) -> None:
        self.codes: list[ErrorCode] = []
        self.slowest = 0.0

    def failed(self, call: Callable[[], None]) -> bool:
        began = time.monotonic()
        try:
            call()
        except CodedError as error:
            assert error.code in DOCUMENTED, f"not a code for a bad file: {error.code} ({error.message})"
            assert error.message and "\n" not in error.message
            self.codes.append(error.code)
            return True
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)
        return False


def try_out(open_it: Callable[[], Media], number: int) -> Outcome:
    """Open a file, plan it, decode some of its chunks.

    Raises:
        AssertionError: something came out that must not.
        Exception: whatever the product raises that it must not.
    """
    calls = _Calls()
    opened: list[Media] = []
    if calls.failed(lambda: opened.append(open_it())):
        return Outcome(str(calls.codes[0]), tuple(calls.codes), calls.slowest)
    (media,) = opened
    with media:
        plans: list[FramePlan] = []
        failed = 0
        if calls.failed(lambda: plans.extend(_plans(media.info, number))):
            return Outcome(str(calls.codes[0]), tuple(calls.codes), calls.slowest)
        for plan in plans:
            failed += calls.failed(lambda plan=plan: _check_frames(media.decode(plan), plan))  # type: ignore[misc]
    kind = "whole" if not failed else "part" if failed < len(plans) else str(calls.codes[-1])
    return Outcome(kind, tuple(calls.codes), calls.slowest)


def _plans(info: MediaInfo, number: int) -> list[FramePlan]:
    """Of a few chunks, as the job room plans them."""
    VideoInfo.model_validate(asdict(info))
    numbers = [info.width, info.height, info.fps, info.duration, info.total_frames]
    assert all(math.isfinite(one) and one > 0 for one in numbers), info
    chunks = plan_chunks(
        duration=info.duration,
        chunk_duration=CHUNK_SECONDS,
        chunk_overlap=CHUNK_OVERLAP,
        start_time=0.0,
        end_time=None,
    )
    plans = [
        plan_frames(
            chunk,
            info,
            fps=_RATES[number % len(_RATES)],
            max_frames=64,
            max_vision_tokens=400,
            keyframes_only=number % 7 == 0,
        )
        for chunk in _some(chunks)
    ]
    for plan in plans:
        assert len(plan.times) >= 4
        assert all(a < b for a, b in zip(plan.times, plan.times[1:], strict=False)), plan.times
        assert plan.chunk.start_time <= plan.times[0]
        assert plan.times[-1] < plan.chunk.end_time
        assert plan.vision_tokens <= 400
    return plans


def _some(chunks: Sequence[Chunk]) -> list[Chunk]:
    if len(chunks) <= MOST_CHUNKS:
        return list(chunks)
    return [chunks[0], chunks[len(chunks) // 2], chunks[-1]]


def _check_frames(found: SampledFrames, plan: FramePlan) -> None:
    count = len(found.times)
    assert count >= 4
    assert count % 2 == 0
    assert found.pixels.dtype == np.uint8
    assert found.pixels.shape == (count, *plan.shape[1:])
    assert all(a < b for a, b in zip(found.times, found.times[1:], strict=False)), found.times
    assert plan.chunk.start_time <= found.times[0], found.times
    assert found.times[-1] < plan.chunk.end_time, found.times
