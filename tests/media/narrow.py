"""Short videos treated as long ones are: decoded from a part of their index, and compared with the whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from consumer.errors import CodedError
from consumer.media import narrowing
from consumer.media.library import Media
from tests.media.conftest import Open, sample
from tests.media.videos import make_video

FRAMES, FPS, SECONDS = 240, 10, 24.0
SPANS = ((0.0, 2.0), (10.5, 13.0), (13.9, 16.3), (21.95, SECONDS))
SMALL = {"LEAST_SAMPLES": 1, "CELL_SECONDS": 2.0, "MARGIN_SECONDS": 0.5, "FIRST_SAMPLES": 4}


def make_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on windows are seconds long, and every video is long enough."""
    for name, value in SMALL.items():
        monkeypatch.setattr(narrowing, name, value)


def plain(path: Path, **how: Any) -> Path:
    """Twenty-four seconds with B-frames and a key frame every 2.5 s."""
    return make_video(path, frames=FRAMES, fps=FPS, **how)


def whole_and_narrow(
    open_path: Open, monkeypatch: pytest.MonkeyPatch, path: Path, spans: Sequence[tuple[float, float]] = SPANS
) -> Media:
    """Decode these spans from the whole index and from parts of it, and compare; returns what has read the parts."""
    with monkeypatch.context() as patched:
        patched.setattr(narrowing, "LEAST_SAMPLES", 10**9)
        whole = open_path(path)
    parts = open_path(path)
    for start, end in spans:
        for fps, keyframes_only in ((2.0, False), (None, False), (5.0, True)):
            one, other = (found(media, start, end, fps, keyframes_only) for media in (whole, parts))
            assert one == other
    assert windows(whole) == []
    return parts


def found(media: Media, start: float, end: float, fps: float | None, keyframes_only: bool) -> object:
    """All that a decode gives, or with which code it fails."""
    try:
        frames = sample(media, start, end, fps=fps, keyframes_only=keyframes_only)
    except CodedError as error:
        return error.code
    return frames.times, frames.degraded, frames.pixels.tobytes()


def windows(media: Media) -> list[tuple[int, int]]:
    """Of which parts of the time there are windows now; none, if it was given up."""
    return list(media._frames.narrowing._windows)
