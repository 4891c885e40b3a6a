"""The small file is a real H.264 video; a build without the encoder is told apart."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from consumer.media.stills import FPS, write_stills

STILLS = [(np.full((64, 96, 3), grey, np.uint8), seconds) for grey, seconds in ((40, 1), (200, 2))]


def test_each_picture_is_on_show_for_its_seconds(tmp_path: Path) -> None:
    path = tmp_path / "stills.mp4"
    assert write_stills(path, STILLS)
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        greys = {frame.time: frame.to_ndarray(format="rgb24").mean() for frame in container.decode(video=0)}
    assert list(greys) == [number / FPS for number in range(3 * FPS)]
    for time, grey in greys.items():
        assert grey == pytest.approx(40 if time < 1 else 200, abs=4)


def test_without_an_encoder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str, mode: str) -> None:
        raise av.codec.codec.UnknownCodecError(name)

    monkeypatch.setattr(av.codec, "Codec", unknown)
    assert not write_stills(tmp_path / "stills.mp4", STILLS)
    assert not (tmp_path / "stills.mp4").exists()
