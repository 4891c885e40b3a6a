"""Where a part of a long MP4's index is not enough, or not what it was taken for, the whole is read from then on."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.media.decoders import DecoderPool
from consumer.media.library import Media
from consumer.media.narrowing import Narrowed, Narrowing, PatchedSource
from consumer.media.source import unreachable
from consumer.media.window import OutsideWindowError
from consumer.media.wire import DecodeRequest
from consumer.settings import Settings
from tests.media.conftest import Open, sample
from tests.media.narrow import make_narrow, plain, whole_and_narrow, windows
from tests.media.rig import Rig
from tests.media.videos import numbers_in


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    make_narrow(monkeypatch)


def right(media: Media, start: float = 4.0) -> bool:
    """Whether four seconds come out as they should."""
    first = round(start * 10)
    return numbers_in(sample(media, start, start + 4.0, fps=5.0).pixels) == list(range(first, first + 40, 2))


def whole_from_now_on(media: Media) -> bool:
    """Nothing is narrowed any more, and chunks come out as they should."""
    return right(media) and windows(media) == [] and not media._frames.narrowing._possible


def first_and_cut_off(path: Path, share: float) -> Path:
    """The index is there, and the data up to some place."""
    plain(path, container_options={"movflags": "faststart"})
    os.truncate(path, round(path.stat().st_size * share))
    return path


def test_a_key_frame_that_needs_what_came_before_it(
    tmp_path: Path, open_path: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = plain(tmp_path / "video.mp4")
    data = path.read_bytes()
    place = data.index(struct.pack(">I", 201), data.index(b"stss") + 12)
    path.write_bytes(data[:place] + struct.pack(">I", 205) + data[place + 4 :])
    with capture_logs() as logs:
        media = whole_and_narrow(open_path, monkeypatch, path, [(21.1, 22.0)])
    (said,) = [log["reason"] for log in logs if log["event"] == "index_read_whole"]
    assert "from before its part of the index" in said
    assert whole_from_now_on(media)


def test_frames_that_are_lost(tmp_path: Path, open_path: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    media = whole_and_narrow(open_path, monkeypatch, first_and_cut_off(tmp_path / "video.mp4", 0.6), [(4.0, 8.0)])
    assert windows(media) != []
    start = 8.0
    while not (degraded := sample(media, start, start + 4.0, fps=5.0).degraded):
        assert windows(media) != []
        start += 1.0
    assert "could not be decoded" in degraded[0]
    assert whole_from_now_on(media)


def test_a_chunk_without_frames(tmp_path: Path, open_path: Open) -> None:
    media = open_path(first_and_cut_off(tmp_path / "video.mp4", 0.5))
    assert right(media)
    assert windows(media) != []
    with pytest.raises(PermanentError) as caught:
        sample(media, 20.0, 24.0)
    assert caught.value.code is ErrorCode.CHUNK_NO_FRAMES
    assert whole_from_now_on(media)


@pytest.mark.parametrize("field", ["entries", "begin", "last"])
def test_a_window_that_is_not_what_it_was_taken_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    made = Narrowing._narrowed

    def wrong(*what: object) -> Narrowed | None:
        one = made(*what)  # type: ignore[arg-type]
        assert one is not None
        return replace(one, window=replace(one.window, **{field: getattr(one.window, field) + 1}))

    monkeypatch.setattr(Narrowing, "_narrowed", wrong)
    pool = DecoderPool(keep=1)
    rig = Rig(plain(tmp_path / "video.mp4"), pool)
    before = rig.pid
    assert right(rig.media, 20.0), "the very chunk that found it out"
    assert whole_from_now_on(rig.media)
    assert rig.pid == before, "the decoder has done nothing wrong"
    rig.media.close()
    pool.close()


def test_a_narrow_file_that_cannot_be_opened(tmp_path: Path, open_path: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PatchedSource, "read_at", lambda _, __, length: bytes(length))
    media = open_path(plain(tmp_path / "video.mp4"))
    assert right(media, 20.0)
    assert whole_from_now_on(media)


def test_ffmpeg_reads_it_in_another_way(tmp_path: Path, open_path: Open) -> None:
    media = open_path(plain(tmp_path / "video.mp4"))
    one = media._frames.narrowing
    assert one._index is not None
    one._index = replace(one._index, last=one._index.last + 1)
    assert right(media, 20.0)
    assert whole_from_now_on(media)


def test_the_time_is_up_when_it_is_up(tmp_path: Path, open_path: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    media = open_path(plain(tmp_path / "video.mp4"))
    media._settings = Settings.model_validate({"decode_timeout_seconds": 1e-6})
    with pytest.raises(PermanentError, match="DECODE_TIMEOUT_SECONDS"):
        right(media)
    media._settings = Settings.model_validate({"decode_timeout_seconds": 30.0})
    assert right(media)
    assert windows(media) != [], "which says nothing of the file"


def test_a_source_that_fails_while_the_index_is_read(tmp_path: Path, decoders: DecoderPool) -> None:
    rig = Rig(plain(tmp_path / "video.mp4"), decoders)

    def fail() -> None:
        rig.source.reading = lambda: None
        raise unreachable("The store is away.")

    rig.source.reading = fail
    with pytest.raises(TransientError, match="The store is away"):
        right(rig.media)
    assert right(rig.media)
    assert windows(rig.media) != []
    rig.media.close()


def test_a_part_that_is_not_enough_is_not_the_card_s_fault(tmp_path: Path) -> None:
    asked = []

    class Card:
        def ask(self, tag: bytes, answers: object, request: DecodeRequest, *_: object) -> None:
            asked.append(request.window is not None)
            raise OutsideWindowError

        def close(self) -> None:
            """Nothing is there."""

    pool = DecoderPool(keep=1)
    rig = Rig(plain(tmp_path / "video.mp4"), pool)
    pool._gpu = Card()  # type: ignore[assignment]
    with pytest.raises(OutsideWindowError):
        right(rig.media)
    assert asked == [True, False], "the card is asked once more, for the whole"
    assert pool._gpu_failures == set()
    rig.media.close()
    pool.close()
