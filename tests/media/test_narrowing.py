"""Long MP4s decoded from a part of their index: the same frames as from the whole."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from consumer.media import narrowing
from consumer.media.narrowing import PatchedSource
from consumer.media.source import Source
from tests.media.conftest import Open, sample
from tests.media.in_process import InProcess
from tests.media.narrow import FPS, FRAMES, SECONDS, make_narrow, plain, whole_and_narrow, windows
from tests.media.programs import ffmpeg
from tests.media.videos import make_video, numbers_in


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    make_narrow(monkeypatch)


MAKERS: dict[str, Callable[[Path], Path]] = {}


def maker(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    MAKERS[make.__name__.replace("_", " ")] = make
    return make


@maker
def index_last(directory: Path) -> Path:
    return plain(directory / "last.mp4")


@maker
def index_first(directory: Path) -> Path:
    return plain(directory / "first.mp4", container_options={"movflags": "faststart"})


@maker
def with_sound(directory: Path) -> Path:
    return make_video(directory / "sound.mp4", frames=FRAMES, fps=FPS, sound=True)


@maker
def mov_with_sound(directory: Path) -> Path:
    return make_video(directory / "sound.mov", frames=FRAMES, fps=FPS, sound=True)


@maker
def after_an_empty_edit(directory: Path) -> Path:
    """The sound begins first."""
    path = directory / "late.mp4"
    sound = ("-f", "lavfi", "-i", "sine=d=24:r=8000", "-c:v", "copy", "-c:a", "aac")
    ffmpeg("-itsoffset", "0.7", "-i", plain(directory / "v.mp4"), *sound, path)
    return path


@maker
def varying_rate(directory: Path) -> Path:
    times = [number + number // 7 + number // 50 * 9 for number in range(200)]
    return make_video(directory / "varying.mp4", frames=200, fps=FPS, pts=times)


@maker
def all_key_frames(directory: Path) -> Path:
    return plain(directory / "keys.mp4", options={"g": "1", "preset": "ultrafast"})


@maker
def beyond_four_gigabytes(directory: Path) -> Path:
    """The frames stand after eight gigabytes of nothing."""
    data, far, path = plain(directory / "v.mp4").read_bytes(), 2**33, directory / "far.mp4"
    start, moov = struct.unpack(">I", data[:4])[0], data.index(b"moov") - 4
    index = data.index(b"stco")
    count = int.from_bytes(data[index + 8 : index + 12], "big")
    places = struct.unpack_from(f">{count}I", data, index + 12)
    table = struct.pack(">I4s2I", 16 + 8 * count, b"co64", 0, count)
    table += b"".join(struct.pack(">Q", place + far) for place in places)
    inside = bytearray(data[moov : index - 4] + table + data[index + 12 + 4 * count :])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        at = inside.index(name) - 4
        struct.pack_into(">I", inside, at, struct.unpack_from(">I", inside, at)[0] + 4 * count)
    with path.open("wb") as file:
        file.write(data[:start] + struct.pack(">I4sQ", 1, b"free", far))
        file.seek(start + far)
        file.write(data[start:moov] + inside)
    return path


@pytest.mark.parametrize("kind", MAKERS)
def test_the_same_frames(
    narrow: None, tmp_path: Path, open_path: Open, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with capture_logs() as logs:
        media = whole_and_narrow(open_path, monkeypatch, MAKERS[kind](tmp_path))
    assert [log for log in logs if log["event"] == "index_read_whole"] == []
    assert len(windows(media)) == narrowing.KEPT_WINDOWS


def test_it_is_what_was_there_to_see(narrow: None, tmp_path: Path, open_path: Open) -> None:
    media = open_path(plain(tmp_path / "video.mp4"))
    assert numbers_in(sample(media, 20.0, 24.0, fps=5.0).pixels) == list(range(200, 240, 2))
    assert windows(media) == [(10, 11)]


def test_a_decoder_has_a_part_of_the_index_at_a_time(
    narrow: None, in_process: None, tmp_path: Path, open_path: Open
) -> None:
    media = open_path(plain(tmp_path / "video.mp4", sound=True))
    pool = media._decoders
    assert isinstance(pool, InProcess)

    def entries() -> int:
        (opened,) = pool._decoder()._open.values()
        return len(opened.stream.index_entries)

    assert entries() == FRAMES, "as it was opened to see what it is"
    sample(media, 20.2, 21.0)
    (decoder,) = [pool._decoder()]
    (first,) = decoder._open.values()
    assert entries() < 100
    assert len(first.container.streams) == 1, "nor has it the index of the sound"
    sample(media, 21.0, 21.9)
    assert list(decoder._open.values()) == [first], "the next chunk in the same window finds it open"
    sample(media, 10.2, 11.0)
    assert list(decoder._open.values()) != [first]
    assert entries() < 100


def test_short_videos_are_left_as_they_are(tmp_path: Path, open_path: Open) -> None:
    media = open_path(plain(tmp_path / "video.mp4"))
    sample(media, 20.0, 24.0)
    assert windows(media) == []


@pytest.mark.parametrize("ending", ["mkv", "ts"])
def test_other_containers_are_left_as_they_are(narrow: None, tmp_path: Path, open_path: Open, ending: str) -> None:
    media = open_path(plain(tmp_path / f"video.{ending}"))
    assert numbers_in(sample(media, 20.0, 24.0, fps=5.0).pixels) == list(range(200, 240, 2))
    assert windows(media) == []


def test_a_chunk_as_long_as_the_video_is_decoded_from_the_whole(narrow: None, tmp_path: Path, open_path: Open) -> None:
    media = open_path(plain(tmp_path / "video.mp4"))
    assert numbers_in(sample(media, 0.0, SECONDS, fps=1.0).pixels) == list(range(0, FRAMES, 10))
    assert windows(media) == []
    sample(media, 20.0, 24.0)
    assert windows(media) == [(10, 11)], "which says nothing of the next chunk"


def test_fragments_are_left_as_they_are(narrow: None, tmp_path: Path, open_path: Open) -> None:
    path = tmp_path / "video.mp4"
    ffmpeg("-i", plain(tmp_path / "v.mp4"), "-c", "copy", "-movflags", "frag_keyframe+empty_moov", path)
    media = open_path(path)
    assert numbers_in(sample(media, 20.0, 24.0, fps=5.0).pixels) == list(range(200, 240, 2))
    assert windows(media) == []


class _Bytes(Source):
    def __init__(self, data: bytes) -> None:
        super().__init__("", len(data))
        self._data = data

    def read_at(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]

    def close(self) -> None:
        """Nothing is held."""


def test_bytes_that_are_replaced() -> None:
    source = PatchedSource(_Bytes(bytes(range(20))), [(3, b"abc"), (10, b"xyz")])
    whole = bytes([0, 1, 2, *b"abc", 6, 7, 8, 9, *b"xyz", *range(13, 20)])
    for begin in range(21):
        for length in range(22 - begin):
            assert source.read_at(begin, length) == whole[begin : begin + length]
