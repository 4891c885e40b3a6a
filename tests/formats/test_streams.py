"""Which of a file's streams is the film."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.formats.film import FRAMES, WIDTH
from tests.media.conftest import Open, sample
from tests.media.programs import ffmpeg
from tests.media.videos import numbers_in

CODED = ("-c:v", "libx264", "-preset", "ultrafast")
RED = ("-f", "lavfi", "-i", "color=red:r=25:d=4:s=")


def the_film(open_path: Open, path: Path) -> None:
    media = open_path(path)
    assert (media.info.width, media.info.total_frames) == (WIDTH, FRAMES)
    assert numbers_in(sample(media, fps=5.0).pixels) == list(range(0, FRAMES, 5))


@pytest.mark.says("has a cover picture", "It is not taken for the video.")
def test_cover_art(h264: Path, tmp_path: Path, open_path: Open) -> None:
    cover, both = tmp_path / "cover.png", tmp_path / "both.mp4"
    ffmpeg(*RED[:-1], f"{RED[-1]}1280x1280", "-frames:v", "1", cover)
    ffmpeg("-i", cover, "-i", h264, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic", both)
    the_film(open_path, both)


@pytest.mark.says(
    "has several video streams", "The one that is marked as default is taken; where that does not decide, the largest."
)
@pytest.mark.parametrize(
    ("ending", "size", "marked"),
    [("mkv", "320x192", True), ("mp4", "320x192", True), ("mkv", "80x48", False), ("ts", "80x48", False)],
)
def test_several_videos(h264: Path, tmp_path: Path, open_path: Open, ending: str, size: str, marked: bool) -> None:
    path = tmp_path / f"two.{ending}"
    marks = ("-disposition:v:0", "0", "-disposition:v:1", "default" if marked else "0")
    ffmpeg(*RED[:-1], f"{RED[-1]}{size}", "-i", h264, "-map", "0", "-map", "1", *CODED, *marks, path)
    the_film(open_path, path)


@pytest.mark.says(
    "has sound, subtitles, attachments beside the video",
    "They are not read; `has_audio` says if there is sound.",
)
def test_other_streams(h264: Path, tmp_path: Path, open_path: Open) -> None:
    words, path = tmp_path / "words.srt", tmp_path / "all.mkv"
    words.write_text("1\n00:00:00,000 --> 00:00:03,000\nNothing to see.\n", encoding="utf-8")
    sound = ("-f", "lavfi", "-i", "sine=duration=4")
    attachment = ("-attach", words, "-metadata:s:t", "mimetype=text/plain")
    ffmpeg(*sound, "-i", words, "-i", h264, "-map", "0", "-map", "1", "-map", "2", "-c:v", "copy", *attachment, path)
    the_film(open_path, path)
    assert open_path(path).info.has_audio
