"""Recordings that were cut and joined badly: times that go back and forth give fewer frames, never a wrong one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.media import run
from consumer.media.run import chosen_frames
from consumer.media.sampling import WantedFrames
from tests.benchmarks.clips import repeat
from tests.media.conftest import Open, sample
from tests.media_files import ffmpeg


@given(
    ticks=st.lists(st.integers(-20, 120), max_size=60),
    limits=st.lists(st.integers(0, 100), min_size=1, max_size=20, unique=True).map(sorted),
)
def test_each_time_has_one_frame_and_they_come_in_order(ticks: list[int], limits: list[int]) -> None:
    clock: Any = SimpleNamespace(by_dts=False)
    frames: Any = [(tick, f"frame {tick}") for tick in ticks]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "_sparse_frames", lambda *_: iter(frames))
        chosen = list(chosen_frames(None, clock, WantedFrames(limits), keyframes_only=False))  # type: ignore[arg-type]
    assert all(earlier.slot < later.slot for earlier, later in pairwise(chosen))
    assert all(earlier.ticks < later.ticks for earlier, later in pairwise(chosen))
    assert all(str(one.frame) == f"frame {one.ticks}" and one.ticks <= limits[one.slot] for one in chosen)


def test_a_file_that_was_cut_between_two_references_and_joined(tmp_path: Path, open_path: Open) -> None:
    whole, cut, joined = (tmp_path / name for name in ("whole.mp4", "cut.mp4", "joined.mp4"))
    coded = ("-c:v", "libx265", "-preset", "ultrafast", "-g", "60", "-x265-params", "log-level=error:bframes=3")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=160x128:rate=30:duration=6", *coded, "-pix_fmt", "yuv420p", str(whole))
    ffmpeg("-i", str(whole), "-t", "3.1", "-c", "copy", str(cut))
    repeat(cut, joined, 24.0)
    found = sample(open_path(joined), 0.0, 20.0)
    assert len(found.times) >= 30
    assert all(earlier < later for earlier, later in pairwise(found.times))
