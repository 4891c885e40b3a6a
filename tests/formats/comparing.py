"""What is decoded of a film in some container, compared with what there is to see in it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from consumer.media.chunks import Chunk
from consumer.media.clock import TOLERANCE
from consumer.media.frames import MIN_FRAMES, FramePlan, plan_frames
from consumer.media.library import Media, SampledFrames
from tests.formats.declared import FPS
from tests.formats.film import FRAMES, SECONDS, Film

SPANS = ((0.0, 2.0, 12.0), (1.7, 2.8, FPS), (3.0, SECONDS, 7.0), (0.0, SECONDS, 1.0), (0.5, SECONDS, 0.9))
"""Start, end and frames a second: from the start, the middle and the end, dense and in jumps, and (below) all of it."""


def differences(media: Media, film: Film) -> Iterator[str]:
    """A sentence for everything that is not as it should be: what the file is, and each sampled frame."""
    info = media.info
    if (info.fps, info.duration, info.total_frames) != (FPS, SECONDS, FRAMES):
        yield f"is {info.total_frames} frames at {info.fps} a second in {info.duration} s"
    for start, end, fps in (*SPANS, (0.0, SECONDS, FPS)):
        plan = _plan(media, start, end, fps)
        numbers = _distinct([int((time + TOLERANCE) * FPS) for time in plan.times])
        for sentence in _wrong(media.decode(plan), film, numbers, start):
            yield f"[{start:g}, {end:g}) at {fps:g} a second: {sentence}"
    yield from (f"key frames only: {sentence}" for sentence in _wrong_keys(media, film))


def _wrong_keys(media: Media, film: Film) -> Iterator[str]:
    found = media.decode(_plan(media, 0.0, SECONDS, FPS, keyframes_only=True))
    if len(film.keys) >= MIN_FRAMES:
        yield from _wrong(found, film, film.keys[: len(film.keys) // 2 * 2], 0.0)
    elif not all(any(np.array_equal(picture, film.pictures[key]) for key in film.keys) for picture in found.pixels):
        yield "something else than the few that there are"


def _wrong(found: SampledFrames, film: Film, numbers: tuple[int, ...], start: float) -> Iterator[str]:
    times = tuple(max(start, number / FPS) for number in numbers)
    if len(found.times) != len(times) or not np.allclose(found.times, times, rtol=0, atol=1e-6):
        yield f"times {found.times}, not {times}"
    elif unlike := [k for k, at in zip(numbers, found.pixels, strict=True) if not np.array_equal(at, film.pictures[k])]:
        yield f"frames {unlike} are not those of a full decode"
    yield from found.degraded


def _plan(media: Media, start: float, end: float, fps: float, *, keyframes_only: bool = False) -> FramePlan:
    chunk = Chunk(0, start, end)
    return plan_frames(
        chunk, media.info, fps=fps, max_frames=768, max_vision_tokens=100_000, keyframes_only=keyframes_only
    )


def _distinct(numbers: list[int]) -> tuple[int, ...]:
    """Each once, and an even number of them."""
    once = tuple(dict.fromkeys(numbers))
    return once[: len(once) // 2 * 2]
