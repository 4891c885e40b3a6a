"""What files say of themselves, checked against what is in them; and what is no video, by its code."""

from __future__ import annotations

import io
import os
import zipfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from consumer.errors import ErrorCode, PermanentError
from consumer.media import probe
from consumer.media.library import MediaInfo
from tests.media.conftest import Open
from tests.media.programs import ffmpeg
from tests.media.videos import HEIGHT, WIDTH, make_video, numbered


def test_a_plain_file(tmp_path: Path, open_path: Open) -> None:
    path = make_video(tmp_path / "video.mp4", frames=105, sound=True)
    assert open_path(path).info == MediaInfo(
        width=WIDTH,
        height=HEIGHT,
        fps=10.0,
        duration=10.5,
        total_frames=105,
        codec="h264",
        container="mov",
        size_bytes=path.stat().st_size,
        has_audio=True,
        rotation=0,
    )


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "ts", "flv", "webm"])
@pytest.mark.parametrize("full_scan", [True, False])
def test_duration_and_count_in_every_container(
    tmp_path: Path, open_path: Open, monkeypatch: pytest.MonkeyPatch, ending: str, full_scan: bool
) -> None:
    if not full_scan:
        monkeypatch.setattr(probe, "FULL_SCAN_BYTES", 0)
    vp9 = {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}} if ending == "webm" else {}
    info = open_path(make_video(tmp_path / f"video.{ending}", frames=200, **vp9)).info
    assert info.duration == pytest.approx(20.0, abs=0.21)
    assert info.total_frames == pytest.approx(200, abs=2)
    assert info.fps == 10.0


def refusal(open_path: Open, path: Path) -> tuple[ErrorCode, str]:
    with pytest.raises(PermanentError) as caught:
        open_path(path)
    assert "\n" not in caught.value.message
    assert str(path.parent) not in caught.value.message
    return caught.value.code, caught.value.message


def zip_bytes() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("video.txt", "nothing here" * 1000)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"This is a text, not a video.\n" * 400,
        zip_bytes(),
        bytes(100_000),
        np.random.default_rng(1).bytes(300_000),
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"\x89PNG\r\n\x1a\n" + bytes(500),
    ],
    ids=["empty", "text", "zip", "zeros", "random", "playlist", "concat", "picture"],
)
def test_what_is_no_video(tmp_path: Path, open_path: Open, data: bytes) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(data)
    assert refusal(open_path, path)[0] is ErrorCode.MEDIA_UNREADABLE


def test_formats_that_are_not_on_the_list(tmp_path: Path, open_path: Open) -> None:
    film = make_video(tmp_path / "film.ts")
    raw, picture, playlist = tmp_path / "raw.y4m", tmp_path / "picture.png", tmp_path / "list.m3u8"
    ffmpeg("-i", film, "-f", "yuv4mpegpipe", raw)
    ffmpeg("-i", film, "-frames:v", "1", picture)
    ffmpeg("-i", film, "-c", "copy", "-hls_segment_filename", tmp_path / "part%d.ts", playlist)
    for path in (raw, picture, playlist):
        with av.open(str(path)) as container:
            assert container.streams.video, "FFmpeg itself could read it"
        assert refusal(open_path, path)[0] is ErrorCode.MEDIA_UNREADABLE, path


def test_the_second_half_with_the_index_is_missing(tmp_path: Path, open_path: Open) -> None:
    path = make_video(tmp_path / "video.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refusal(open_path, path)[0] is ErrorCode.MEDIA_UNREADABLE


def test_an_index_without_any_frame_behind_it(tmp_path: Path, open_path: Open) -> None:
    path = make_video(tmp_path / "video.mp4", container_options={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + 4])
    assert refusal(open_path, path)[0] is ErrorCode.MEDIA_UNREADABLE


@pytest.mark.parametrize("ending", ["mp4", "mp3", "wav", "mkv"])
def test_sound_only(tmp_path: Path, open_path: Open, ending: str) -> None:
    path = tmp_path / f"sound.{ending}"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=2", path)
    assert refusal(open_path, path)[0] is ErrorCode.MEDIA_NO_VIDEO


def picture_matroska(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        frame = av.VideoFrame.from_ndarray(numbered(5), format="rgb24")
        frame.pts, frame.time_base = 0, Fraction(1, 1)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_a_hundred_megabytes_around_one_picture(tmp_path: Path, open_path: Open) -> None:
    path = tmp_path / "picture.mkv"
    picture_matroska(path)
    with path.open("ab") as file:
        file.write(b"\xec" + (0x01 << 56 | 100 * 2**20).to_bytes(8, "big"))
        file.truncate(file.tell() + 100 * 2**20)
    code, message = refusal(open_path, path)
    assert code is ErrorCode.CHUNK_NO_FRAMES
    assert "single picture" in message


def test_a_picture_with_a_huge_attachment(tmp_path: Path, open_path: Open) -> None:
    plain, attached, path = tmp_path / "plain.mkv", tmp_path / "font.ttf", tmp_path / "picture.mkv"
    picture_matroska(plain)
    with attached.open("wb") as file:
        file.truncate(100 * 2**20)
    ffmpeg("-i", plain, "-c", "copy", "-attach", attached, "-metadata:s:t", "mimetype=font/ttf", path)
    assert path.stat().st_size > 100 * 2**20
    assert refusal(open_path, path)[0] is ErrorCode.CHUNK_NO_FRAMES


def test_too_long_and_too_large(tmp_path: Path, open_path: Open) -> None:
    long = make_video(tmp_path / "long.mkv", pts=[0, 10, 20, 40_000])
    code, message = refusal(open_path, long)
    assert code is ErrorCode.MEDIA_TOO_LONG
    assert "MAX_VIDEO_SECONDS (3000)" in message
    large = tmp_path / "large.mp4"
    large.write_bytes(b"")
    os.truncate(large, 201 * 2**30)
    assert refusal(open_path, large)[0] is ErrorCode.SOURCE_TOO_LARGE


def test_a_shape_that_no_model_takes(tmp_path: Path, open_path: Open) -> None:
    path = make_video(tmp_path / "strip.mkv", size=(4020, 20), frames=4, codec="mpeg4", options={})
    code, message = refusal(open_path, path)
    assert code is ErrorCode.MEDIA_UNSUPPORTED
    assert "4020x20" in message
