"""The file is a real H.264 video of the planned length, readable at half seconds."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from consumer.demo.render import frames
from consumer.demo.video import FPS, encode
from consumer.demo.world import write_script


def test_it_decodes_to_what_was_drawn(tmp_path: Path) -> None:
    path, script, seen = tmp_path / "demo.mp4", write_script(4, 11), list[int]()
    drawn = list(frames(script, FPS))
    encode(path, drawn, progress=seen.append)
    assert seen == list(range(1, 11 * FPS + 1))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 192, 192)
        assert stream.average_rate == FPS and stream.start_time == 0
        decoded = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    assert len(decoded) == 11 * FPS
    for number, (time, picture) in enumerate(decoded):
        assert time == pytest.approx(number / FPS)
        assert np.abs(picture.astype(int) - drawn[number].astype(int)).mean() < 6
    assert {time for time, _ in decoded} >= {k / 2 for k in range(22)}


def test_key_frames_come_as_often_as_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "demo.mp4"
    encode(path, frames(write_script(4, 10), 4), fps=4, key_seconds=0.5, crf=40)
    with av.open(str(path)) as container:
        keys = [
            float(one.pts * one.time_base)
            for one in container.demux(video=0)
            if one.pts is not None and one.is_keyframe
        ]
    assert keys == [k / 2 for k in range(20)]


def test_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        encode(tmp_path / "missing" / "demo.mp4", frames(write_script(4, 10), 2), fps=2)
