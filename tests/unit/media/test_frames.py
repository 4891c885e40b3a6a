"""The frame plan holds both budgets, keeps the shape, and says what it reduced."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import ErrorCode, PermanentError
from consumer.media.chunks import Chunk
from consumer.media.frame_size import best_size
from consumer.media.frames import MIN_FRAMES, FramePlan, plan_frames
from consumer.media.info import MediaInfo


def info(width: int = 1920, height: int = 1080, fps: float = 30.0) -> MediaInfo:
    return MediaInfo(width, height, fps, 600.0, round(600 * fps), "h264", "mov", 1, False, 0)


def plan(
    media: MediaInfo | None = None,
    *,
    start: float = 0.0,
    end: float = 60.0,
    fps: float | None = 2.0,
    frames: int = 768,
    tokens: int = 18_000,
) -> FramePlan:
    return plan_frames(
        Chunk(0, start, end),
        media or info(),
        fps=fps,
        max_frames=frames,
        max_vision_tokens=tokens,
        keyframes_only=False,
    )


def test_a_full_hd_minute_within_the_default_budget() -> None:
    made = plan(start=58.0, end=118.0)
    assert made.times == tuple(58.0 + index / 2 for index in range(120))
    assert (made.width, made.height, made.vision_tokens) == (736, 416, 60 * 23 * 13)
    assert made.fps == 2.0
    assert made.degraded == ("frames of 1920x1080 made 736x416 to fit max_vision_tokens 18000",)


@pytest.mark.parametrize("length", [1e-6, 1e-5, 1e-3])
def test_times_differ_however_short_a_chunk_is(length: float) -> None:
    times = plan(info(fps=1e12), start=3600.0, end=3600.0 + length, fps=None, tokens=10**9).times
    assert len(times) == 768
    assert all(a < b for a, b in itertools.pairwise(times))
    assert times[-1] < 3600.0 + length


def test_a_small_video_stays_as_it_is() -> None:
    made = plan(info(192, 192, 2.0))
    assert (made.width, made.height, len(made.times), made.degraded) == (192, 192, 120, ())


def test_first_smaller_then_fewer() -> None:
    smaller = plan(tokens=60 * 130)
    assert len(smaller.times) == 120
    assert smaller.width * smaller.height <= 130 * 1024
    fewer = plan(tokens=40 * 130)
    assert len(fewer.times) == 80
    assert fewer.fps == pytest.approx(80 / 60)
    assert fewer.degraded == (
        f"frames of 1920x1080 made {fewer.width}x{fewer.height} to fit max_vision_tokens 5200",
        "120 frames made 80 to fit max_vision_tokens 5200",
    )


def test_the_frame_limit_spreads_the_frames_over_the_chunk() -> None:
    made = plan(info(192, 192), frames=31)
    assert len(made.times) == 30
    assert made.times[:2] == (0.0, 2.0)
    assert made.degraded == ("120 frames made 30 to fit max_frames_per_chunk 31",)


def test_an_odd_number_of_moments_loses_its_last() -> None:
    assert plan(end=20.3).times[-1] == 19.5


def test_no_more_than_the_source_has() -> None:
    made = plan(info(fps=0.5))
    assert made.times == tuple(float(2 * index) for index in range(30))
    assert "frames made" not in "".join(made.degraded)


def test_a_very_short_chunk_still_has_four_times() -> None:
    assert plan(start=10.0, end=10.4).times == (10.0, 10.1, 10.2, 10.3)


def test_without_a_rate_as_many_as_fit() -> None:
    made = plan(fps=None)
    assert len(made.times) == 18_000 // 128 * 2
    assert made.vision_tokens <= 18_000


def test_nothing_fits() -> None:
    with pytest.raises(PermanentError, match="max_vision_tokens") as caught:
        plan(tokens=7)
    assert caught.value.code is ErrorCode.BUDGET_TOO_SMALL
    assert plan(tokens=8).vision_tokens <= 8


@pytest.mark.parametrize(
    ("width", "height", "shown"),
    [
        (1920, 1080, (1888, 1056)),
        (1080, 1920, (1056, 1888)),
        (640, 480, (640, 480)),
        (640, 360, (640, 352)),
        (20, 20, (32, 32)),
        (500, 20, (480, 32)),
    ],
)
def test_sizes_without_a_budget(width: int, height: int, shown: tuple[int, int]) -> None:
    size = best_size(width, height, math.inf)
    assert (size.width, size.height) == shown


@given(
    width=st.integers(1, 8000),
    height=st.integers(1, 8000),
    source_fps=st.floats(0.01, 240),
    start=st.floats(0, 80_000),
    length=st.floats(0.01, 4500),
    fps=st.none() | st.floats(0.01, 120),
    frames=st.integers(4, 4096),
    tokens=st.integers(16, 200_000),
)
def test_budgets_hold(
    width: int,
    height: int,
    source_fps: float,
    start: float,
    length: float,
    fps: float | None,
    frames: int,
    tokens: int,
) -> None:
    media = info(width, height, source_fps)
    made = plan(media, start=start, end=start + length, fps=fps, frames=frames, tokens=tokens)
    count = len(made.times)
    assert MIN_FRAMES <= count <= frames
    assert count % 2 == 0
    assert all(before < after for before, after in itertools.pairwise(made.times))
    assert start - 1e-6 <= made.times[0]
    assert made.times[-1] < start + length
    assert made.vision_tokens == count // 2 * (made.width // 32) * (made.height // 32) <= tokens
    assert made.width % 32 == made.height % 32 == 0
    assert made.width <= max(32, width)
    assert made.height <= max(32, height)
    assert count == MIN_FRAMES or made.fps <= min(source_fps, fps or source_fps) * 1.0001
    reduced = best_size(width, height, math.inf) != best_size(width, height, tokens // (count // 2))
    assert any("to fit max_vision_tokens" in note for note in made.degraded) or not reduced
