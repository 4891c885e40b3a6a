"""Pictures: the model sees what a viewer sees, however the file stores it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.formats.film import FRAMES, HEIGHT, WIDTH, uncoded
from tests.media.conftest import Open, sample
from tests.media.programs import ffmpeg
from tests.media.videos import numbered, numbers_in

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25")
COLOURS = ((255, 255, 255), (0, 0, 0), (200, 40, 40), (40, 200, 40), (40, 40, 200), (128, 128, 128), (220, 200, 30))
Picture = NDArray[np.uint8]


def every_fifth(open_path: Open, path: Path) -> None:
    found = sample(open_path(path), fps=5.0)
    assert numbers_in(found.pixels) == list(range(0, FRAMES, 5))
    assert found.degraded == ()


def bars(directory: Path) -> tuple[str, ...]:
    """Four seconds of coloured bars, uncoded."""
    columns = np.linspace(0, len(COLOURS), WIDTH, endpoint=False).astype(int)
    picture = np.broadcast_to(np.array(COLOURS, np.uint8)[columns], (HEIGHT, WIDTH, 3))
    return uncoded(directory / "bars.rgb", [picture] * 20, fps=5)


def colours_in(picture: Picture) -> NDArray[np.int64]:
    height, width, _ = picture.shape
    places = [int((bar + 0.5) * width / len(COLOURS)) for bar in range(len(COLOURS))]
    return picture[height // 2, places].astype(int)


@pytest.mark.says(
    "is turned (a telephone's rotation)", "It is shown upright; `width` and `height` are those of the upright picture."
)
@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (180, 2), (270, 3)])
def test_rotation(h264: Path, tmp_path: Path, open_path: Open, degrees: int, turns: int) -> None:
    plain, turned, raw = tmp_path / "plain.mp4", tmp_path / "turned.mp4", tmp_path / "frame.rgb"
    ffmpeg("-i", h264, "-c", "copy", plain)
    ffmpeg("-display_rotation", str(degrees), "-i", plain, "-c", "copy", turned)
    media = open_path(turned)
    shown = (HEIGHT, WIDTH) if turns % 2 else (WIDTH, HEIGHT)
    assert ((media.info.width, media.info.height), media.info.rotation) == (shown, 360 - degrees)
    found = sample(media, fps=5.0).pixels
    assert numbers_in(np.rot90(found, -turns, axes=(1, 2))) == list(range(0, FRAMES, 5))
    ffmpeg("-i", turned, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", raw)
    theirs = np.frombuffer(raw.read_bytes(), np.uint8).reshape(found[0].shape)
    assert np.abs(found[0].astype(int) - theirs).mean() < 3


@pytest.mark.says(
    "has pixels that are not square (sample aspect ratio)", "It is stretched in width as a player does it."
)
def test_sample_aspect_ratio(h264: Path, tmp_path: Path, open_path: Open) -> None:
    path = tmp_path / "wide.mp4"
    ffmpeg("-i", h264, "-vf", "setsar=2", *X264, path)
    media = open_path(path)
    assert (media.info.width, media.info.height) == (2 * WIDTH, HEIGHT)
    assert sample(media).pixels.shape[1:] == (HEIGHT, 2 * WIDTH, 3)
    every_fifth(open_path, path)


@pytest.mark.says(
    "has an odd size (161x97)", "It is scaled to multiples of 32, as all are; nothing is cut off and nothing is padded."
)
@pytest.mark.parametrize("ending", ["webm", "avi", "mov"])
def test_odd_size(tmp_path: Path, open_path: Open, ending: str) -> None:
    path = tmp_path / f"odd.{ending}"
    codecs = {"webm": ("libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"), "avi": ("mpeg4",), "mov": ("libx264",)}
    pixels = "yuv444p" if ending == "mov" else "yuv420p"
    pictures = uncoded(tmp_path / "odd.rgb", [numbered(number, 161, 97) for number in range(FRAMES)])
    ffmpeg(*pictures, "-c:v", *codecs[ending], "-pix_fmt", pixels, path)
    media = open_path(path)
    assert (media.info.width, media.info.height) == (161, 97)
    every_fifth(open_path, path)


PIXELS = {
    "10 bits, H.264": ("yuv420p10le", X264),
    "10 bits, H.265": ("yuv420p10le", ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")),
    "12 bits, 4:2:2": ("yuv422p12le", ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")),
    "grey": ("gray", X264),
    "grey, 16 bits": ("gray16le", ("-c:v", "ffv1")),
    "RGB": ("rgb24", ("-c:v", "libx264rgb", "-preset", "ultrafast")),
}


@pytest.mark.says(
    "has 10 or 12 bits a colour, 4:2:2, 4:4:4, RGB, or is grey", "It becomes RGB of 8 bits as every other does."
)
@pytest.mark.parametrize("kind", PIXELS)
def test_pixel_formats(h264: Path, tmp_path: Path, open_path: Open, kind: str) -> None:
    path, (pixels, codec) = tmp_path / "video.mkv", PIXELS[kind]
    ffmpeg("-i", h264, *codec, "-pix_fmt", pixels, path)
    every_fifth(open_path, path)


@pytest.mark.says(
    "is partly transparent (VP9, ProRes 4444, QuickTime Animation)",
    "The transparency is left out: the colours beneath it are shown.",
)
@pytest.mark.parametrize("ending", ["webm", "mov", "qt"])
def test_alpha(h264: Path, tmp_path: Path, open_path: Open, ending: str) -> None:
    path = tmp_path / f"alpha.{ending.replace('qt', 'mov')}"
    codecs = {
        "webm": ("libvpx-vp9", "-pix_fmt", "yuva420p", "-deadline", "realtime", "-cpu-used", "8"),
        "mov": ("prores_ks", "-profile:v", "4", "-pix_fmt", "yuva444p10le"),
        "qt": ("qtrle", "-pix_fmt", "argb"),
    }
    ffmpeg("-i", h264, "-vf", "format=rgba,colorchannelmixer=aa=0.3", "-c:v", *codecs[ending], path)
    every_fifth(open_path, path)


@pytest.mark.says(
    "is interlaced",
    "A frame loses its combs (yadif, each frame by itself); one that has none stays as it is.",
)
@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_interlaced(tmp_path: Path, open_path: Open, codec: str) -> None:
    pictures = np.full((200, HEIGHT, WIDTH, 3), 40, np.uint8)
    for field, picture in enumerate(pictures):
        picture[:, (at := field % 10 * 12) : at + 24] = 220
    source = uncoded(tmp_path / "fields.rgb", list(pictures), fps=50)
    path, plain = tmp_path / "interlaced.mkv", tmp_path / "progressive.mkv"
    coded = ("-flags", "+ilme+ildct", "-c:v", codec, "-q:v", "2", "-pix_fmt", "yuv420p")
    ffmpeg(*source, "-vf", "tinterlace=interleave_top,setfield=tff", *coded, path)
    ffmpeg(*source, "-vf", "fps=25,setfield=tff", *coded, plain)
    media = open_path(path)
    assert (media.info.fps, media.info.total_frames) == (25.0, 100)
    for file in (path, plain):
        found = sample(open_path(file), fps=5.0).pixels.astype(int)
        combs = np.abs(2 * found[:, 1:-1] - found[:, :-2] - found[:, 2:]).mean()
        assert combs < 3, "of bars that are the same in all lines; woven fields have 30"


@pytest.mark.says(
    "says which range (full, limited) and matrix (BT.601, BT.709, BT.2020) its colours have",
    "The colours come out as they were. Without a word they are read as limited range and BT.601, as FFmpeg does.",
)
@pytest.mark.parametrize("pixels", ["yuv444p", "yuv444p10le"])
@pytest.mark.parametrize("spread", ["tv", "pc"])
@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
def test_colours(tmp_path: Path, open_path: Open, matrix: str, spread: str, pixels: str) -> None:
    path, silent = tmp_path / "bars.mkv", tmp_path / "silent.mkv"
    change = f"scale=out_color_matrix={matrix}:out_range={spread},format={pixels}"
    for file, said in ((path, ""), (silent, ",setparams=colorspace=unknown:range=unknown")):
        ffmpeg(*bars(tmp_path), "-vf", f"{change}{said}", *X264, "-qp", "1", file)
    assert np.abs(colours_in(sample(open_path(path)).pixels[0]) - COLOURS).max() <= 4
    guessed = np.abs(colours_in(sample(open_path(silent)).pixels[0]) - COLOURS).max() <= 4
    assert guessed == ((matrix, spread) == ("bt601", "tv"))


@pytest.mark.says(
    "is HDR: HDR10 (PQ) or HLG, BT.2020",
    "It becomes SDR: white paper is white, dark stays dark, colours stay what they are; what is brighter than paper is "
    "white. The first chunk of a video in each decoder takes about 3 s more, each frame some milliseconds.",
)
@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr(tmp_path: Path, open_path: Open, transfer: str) -> None:
    path = tmp_path / "hdr.mkv"
    change = f"scale=out_primaries=bt2020:out_transfer={transfer}:out_color_matrix=bt2020:out_range=tv"
    tags = ("-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", transfer)
    codec = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:qp=4")
    ffmpeg(*bars(tmp_path), "-vf", f"{change},format=yuv444p10le", *codec, *tags, path)
    found = colours_in(sample(open_path(path)).pixels[0])
    assert np.abs(found - COLOURS).max() <= 16


@pytest.mark.says(
    "has a colour matrix that FFmpeg's scaler does not know (YCgCo, ICtCp)", "It is read as if it said nothing."
)
def test_unknown_matrix(h264: Path, tmp_path: Path, open_path: Open) -> None:
    path = tmp_path / "matrix.mp4"
    ffmpeg("-i", h264, "-c", "copy", "-bsf:v", "h264_metadata=matrix_coefficients=14", path)
    every_fifth(open_path, path)


@pytest.mark.says(
    "changes its size in the middle (joined recordings)",
    "All frames are scaled to the size that was planned for the first.",
)
def test_size_changes(h264: Path, tmp_path: Path, open_path: Open) -> None:
    first, second, path = tmp_path / "first.ts", tmp_path / "second.ts", tmp_path / "joined.ts"
    ffmpeg("-i", h264, "-c", "copy", first)
    ffmpeg("-i", h264, "-vf", f"scale={2 * WIDTH}:{2 * HEIGHT}", *X264, "-output_ts_offset", "4", second)
    path.write_bytes(first.read_bytes() + second.read_bytes())
    found = sample(open_path(path), 3.0, 5.0, fps=5.0)
    assert numbers_in(found.pixels)[:5] == [75, 80, 85, 90, 95]
    assert numbers_in(found.pixels)[5:] == pytest.approx([0, 5, 10, 15, 20], abs=2)
