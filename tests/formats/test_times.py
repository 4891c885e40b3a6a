"""Times: whatever a file says, 0 is the first frame shown, and each picture has the time at which it is shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from consumer.errors import ErrorCode, PermanentError
from consumer.media import probe
from tests.formats.film import FRAMES, SECONDS, Film
from tests.media.conftest import Open, sample
from tests.media.programs import ffmpeg
from tests.media.videos import full_decode, numbers_in


def all_of_it(open_path: Open, path: Path) -> None:
    """The whole film is there, and each of its frames is found at its time."""
    media = open_path(path)
    assert (media.info.duration, media.info.total_frames, media.info.fps) == (SECONDS, FRAMES, 25.0)
    for start, fps, every in [(2.0, 5.0, 5), (0.0, 12.5, 2), (0.0, 1.0, 25)]:
        found = sample(media, start, fps=fps)
        assert numbers_in(found.pixels) == list(range(round(start * 25), FRAMES, every))
        assert found.times == pytest.approx(np.arange(start, SECONDS, 1 / fps), abs=1e-6)
        assert found.degraded == ()


@pytest.mark.says(
    "does not say how long it is: a live Matroska, WebM or FLV",
    "Its packets are read through; duration and number of frames are exact.",
)
@pytest.mark.parametrize("ending", ["mkv", "webm", "flv"])
def test_no_duration(h264: Path, vp9: Path, tmp_path: Path, open_path: Open, ending: str) -> None:
    path = tmp_path / f"live.{ending}"
    live = ("-flvflags", "no_metadata+no_duration_filesize") if ending == "flv" else ("-live", "1")
    ffmpeg("-i", vp9 if ending == "webm" else h264, "-c", "copy", *live, path)
    with av.open(str(path)) as container:
        assert container.streams.video[0].duration is None
        assert ending == "flv" or container.duration is None
    all_of_it(open_path, path)


@pytest.mark.says(
    "says that it is an hour long, and is not", "What its packets say counts: the duration is that of what is there."
)
@pytest.mark.parametrize("full_scan", [True, False])
def test_wrong_duration(
    h264: Path, tmp_path: Path, open_path: Open, monkeypatch: pytest.MonkeyPatch, full_scan: bool
) -> None:
    if not full_scan:
        monkeypatch.setattr(probe, "FULL_SCAN_BYTES", 0)
    data = bytearray(h264.read_bytes())
    place = data.index(b"\x44\x89\x88") + 3
    data[place : place + 8] = np.array([3_600_000.0], ">f8").tobytes()
    path = tmp_path / "lie.mkv"
    path.write_bytes(data)
    with av.open(str(path)) as container:
        assert container.duration == 3600 * av.time_base, "the lie is in place"
    all_of_it(open_path, path)


@pytest.mark.says("begins at 5,000 s", "Times count from its first frame; so do `start_time` and `end_time` of a job.")
@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "ts", "flv"])
def test_start_time(h264: Path, tmp_path: Path, open_path: Open, ending: str) -> None:
    path = tmp_path / f"late.{ending}"
    ffmpeg("-i", h264, "-c", "copy", "-output_ts_offset", "5000", path)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        start, base = stream.start_time, stream.time_base
        assert start is not None
        assert base is not None
        assert float(start * base) > 4999
    all_of_it(open_path, path)


@pytest.mark.says(
    "is an MP4 or MOV with an edit list that leaves out its first frames (cut without encoding)",
    "What the list leaves out is neither shown nor counted; 0 is the first frame after it.",
)
@pytest.mark.parametrize("ending", ["mp4", "mov"])
def test_edit_list(h264: Path, tmp_path: Path, open_path: Open, ending: str) -> None:
    path = tmp_path / f"cut.{ending}"
    ffmpeg("-ss", "1.3", "-i", h264, "-c", "copy", path)
    shown = [picture for _, picture in full_decode(path, 160, 96)]
    first = FRAMES - len(shown)
    assert numbers_in(np.stack(shown)) == list(range(33, FRAMES))
    media = open_path(path)
    assert media.info.total_frames == len(shown)
    assert media.info.duration == pytest.approx(len(shown) / 25)
    for start in (0.0, 1.2):
        found = sample(media, start, fps=5.0)
        assert numbers_in(found.pixels) == list(range(first + round(start * 25), FRAMES, 5))[: len(found.times)]
        assert len(found.times) >= (media.info.duration - start) * 5 - 1
        assert found.degraded == ()


@pytest.mark.says(
    "has negative times: MP4 with negative composition offsets, decoding times before 0",
    "Nothing special: only the times at which frames are shown count.",
)
def test_negative_times(h264: Path, tmp_path: Path, open_path: Open) -> None:
    path = tmp_path / "negative.mp4"
    ffmpeg("-i", h264, "-c", "copy", "-movflags", "negative_cts_offsets", path)
    with av.open(str(path)) as container:
        assert min(packet.dts for packet in container.demux(video=0) if packet.dts is not None) < 0
    all_of_it(open_path, path)


@pytest.mark.says(
    "is an MPEG-TS whose 33-bit clock begins anew in the middle",
    "The times go on; chunks before, over and after it are right.",
)
@pytest.mark.parametrize("full_scan", [True, False])
def test_clock_that_wraps(
    h264: Path, tmp_path: Path, open_path: Open, monkeypatch: pytest.MonkeyPatch, full_scan: bool
) -> None:
    if not full_scan:
        monkeypatch.setattr(probe, "FULL_SCAN_BYTES", 0)
    path = tmp_path / "wraps.ts"
    ffmpeg("-i", h264, "-c", "copy", "-muxdelay", "0", "-output_ts_offset", str(2**33 / 90_000 - 2), path)
    assert clocks(path)[0] > 2**33 - 3 * 90_000
    assert clocks(path)[-1] < 3 * 90_000
    all_of_it(open_path, path)


def clocks(path: Path) -> list[int]:
    """The clock references of a transport stream, 90,000 a second, in the order of the file."""
    data = path.read_bytes()
    packets = (data[place : place + 188] for place in range(0, len(data), 188))
    referring = (packet for packet in packets if packet[3] & 0x20 and packet[4] >= 7 and packet[5] & 0x10)
    return [int.from_bytes(packet[6:11], "big") >> 7 for packet in referring]


@pytest.mark.says(
    "has a varying frame rate",
    "Each planned time means the newest frame not after it, whatever lies between; `fps` is the average.",
)
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_varying_rate(h264: Path, tmp_path: Path, open_path: Open, ending: str) -> None:
    path = tmp_path / f"varying.{ending}"
    gaps = "select='lt(n,20)+eq(mod(n,7),0)'"
    ffmpeg("-i", h264, "-vf", gaps, "-fps_mode", "vfr", "-c:v", "libx264", "-preset", "veryfast", "-g", "10", path)
    shown = [number for number in range(FRAMES) if number < 20 or number % 7 == 0]
    media = open_path(path)
    assert media.info.total_frames == len(shown)
    assert media.info.duration == pytest.approx(SECONDS, abs=0.3)
    found = sample(media, 0.0, 3.9, fps=5.0)
    asked = [round(time * 25, 3) for time in np.arange(0.0, 3.9, 0.2)]
    wanted = list(dict.fromkeys(max(number for number in shown if number <= when) for when in asked))
    assert numbers_in(found.pixels) == wanted[: len(wanted) // 2 * 2]
    assert found.times == pytest.approx([number / 25 for number in wanted[: len(wanted) // 2 * 2]], abs=0.001)


@pytest.mark.says(
    "has 29.97 frames a second in a container that counts milliseconds (MKV, FLV)",
    "Every frame is found; half a millisecond of rounding is allowed for.",
)
@pytest.mark.parametrize("ending", ["mkv", "flv", "ts", "mp4"])
def test_rounded_times(h264: Path, tmp_path: Path, open_path: Open, ending: str) -> None:
    path = tmp_path / f"ntsc.{ending}"
    ntsc = ("-vf", "setpts=N*1001/30000/TB", "-r", "30000/1001", "-c:v", "libx264", "-preset", "veryfast", "-g", "30")
    ffmpeg("-i", h264, *ntsc, path)
    media = open_path(path)
    found = sample(media, fps=30.0)
    assert numbers_in(found.pixels) == list(range(FRAMES))
    assert found.times == pytest.approx(np.arange(FRAMES) * 1001 / 30_000, abs=0.001)
    assert media.info.fps == pytest.approx(30_000 / 1001, rel=1e-3)


@pytest.mark.says(
    "has no whole picture but the first (H.264 with intra refresh), and the job says `keyframes_only`",
    "The chunk that the first picture is in shows it; others end in CHUNK_NO_FRAMES. Without `keyframes_only` it is "
    "as any other.",
)
def test_intra_refresh(films: Callable[[str], Film], tmp_path: Path, open_path: Open) -> None:
    path = tmp_path / "refresh.mp4"
    ffmpeg("-i", films("h264-refresh").path, "-c", "copy", path)
    media = open_path(path)
    assert set(numbers_in(sample(media, fps=5.0, keyframes_only=True).pixels)) == {0}
    with pytest.raises(PermanentError) as caught:
        sample(media, 2.0, fps=5.0, keyframes_only=True)
    assert caught.value.code is ErrorCode.CHUNK_NO_FRAMES
    all_of_it(open_path, path)


@pytest.mark.says(
    "ends early: the end of the transfer or of the disk",
    "The chunks that exist are given; duration is what is there, or what the index says, and then the chunks that are "
    "missing end in CHUNK_NO_FRAMES and `coverage` in the result says so. Without its index (MP4 and MOV, index last) "
    "it is MEDIA_UNREADABLE.",
)
@pytest.mark.parametrize("ending", ["mkv", "ts", "flv", "avi", "ogg", "mp4"])
def test_ends_early(h264: Path, tmp_path: Path, open_path: Open, ending: str) -> None:
    path = tmp_path / f"early.{ending}"
    codec = ("libtheora", "-q:v", "9") if ending == "ogg" else ("libx264", "-preset", "veryfast", "-crf", "8")
    ffmpeg("-i", h264, "-c:v", *codec, "-g", "25", "-movflags", "+faststart", path)
    os.truncate(path, path.stat().st_size * 7 // 10)
    media = open_path(path)
    info = media.info
    assert (info.total_frames < 90) == (ending != "mp4"), "an MP4 still knows what there was"
    assert info.fps == pytest.approx(25.0)
    assert info.total_frames == pytest.approx(info.duration * 25, abs=1)
    found = sample(media, 0.0, 1.6, fps=5.0)
    assert numbers_in(found.pixels) == list(range(0, 40, 5))
    assert found.degraded == ()
    rest = sample(media, fps=25.0)
    assert len(rest.times) > 40
    assert numbers_in(rest.pixels) == list(range(len(rest.times)))
    assert rest.degraded or ending != "mp4"
