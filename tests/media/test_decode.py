"""What comes out is exactly the frames that the plan means, and little else is decoded; codecs: tests/formats."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import av
import numpy as np
import pytest
from av.packet import Packet
from av.video.frame import VideoFrame

from consumer.errors import ErrorCode, PermanentError
from consumer.media import run
from consumer.media.container import OpenContainer
from consumer.media.library import Media, SampledFrames
from tests.media.conftest import Open, sample
from tests.media.programs import ffmpeg
from tests.media.videos import H264, make_video, numbers_in


@pytest.mark.parametrize(
    ("options", "most"),
    [
        pytest.param({"g": "100", "bf": "3", "x264-params": "b-pyramid=none:b-adapt=0"}, 36, id="three of four are B"),
        pytest.param({"g": "20", "bf": "0"}, 60, id="none, and a key frame every two seconds"),
    ],
)
def test_frames_that_no_wanted_one_needs_are_left_out(
    in_process: None,
    tmp_path: Path,
    open_path: Open,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, str],
    most: int,
) -> None:
    decoded: list[VideoFrame] = []
    whole_decode = run._decode

    def counting(opened: OpenContainer, packet: Packet | None) -> list[VideoFrame]:  # type: ignore[type-arg]
        frames = whole_decode(opened, packet)
        decoded.extend(frames)
        return frames

    monkeypatch.setattr(run, "_decode", counting)
    media = open_path(make_video(tmp_path / "video.mp4", options=options))
    found = sample(media, 0.0, 10.0, fps=1.0)
    assert numbers_in(found.pixels) == list(range(0, 100, 10))
    assert most - 11 <= len(decoded) <= most


def test_times_far_apart_are_reached_by_jumps(tmp_path: Path, open_path: Open) -> None:
    media = open_path(make_video(tmp_path / "video.mp4", frames=1000, options={**H264, "b": "2M"}, sound=True))
    found = sample(media, fps=0.1)
    assert numbers_in(found.pixels) == list(range(0, 1000, 100))
    assert found.times == tuple(float(10 * k) for k in range(10))


def test_key_frames_only(tmp_path: Path, open_path: Open) -> None:
    media = open_path(make_video(tmp_path / "video.mp4"))
    found = sample(media, keyframes_only=True)
    assert numbers_in(found.pixels) == [0, 25, 50, 75]
    assert found.times == (0.0, 2.5, 5.0, 7.5)


def test_key_frames_only_reads_little_else(tmp_path: Path, open_path: Open) -> None:
    path, noise = tmp_path / "video.mp4", "testsrc2=size=320x192:rate=10:duration=40,noise=alls=40:allf=t"
    ffmpeg("-f", "lavfi", "-i", noise, "-preset", "ultrafast", "-g", "100", "-sc_threshold", "0", path)
    read = []
    for keyframes_only in (False, True):
        media = open_path(path)
        before = media.bytes_read
        found = sample(media, 0.0, 40.0, keyframes_only=keyframes_only)
        read.append((media.bytes_read - before) / path.stat().st_size)
    assert found.times == (0.0, 10.0, 20.0, 30.0)
    assert read[0] > 0.7
    assert read[1] < 0.3


def test_a_picture_on_show_at_the_start_has_the_start_as_its_time(tmp_path: Path, open_path: Open) -> None:
    media = open_path(make_video(tmp_path / "video.mp4"))
    found = sample(media, 1.25, 5.25)
    assert numbers_in(found.pixels)[:2] == [12, 17]
    assert found.times[:2] == (1.25, 1.7)


def test_a_still_slide_is_shown_again_rather_than_left_out(tmp_path: Path, open_path: Open) -> None:
    media = open_path(make_video(tmp_path / "video.mkv", pts=[0, 1, 2, 3, 100, 200, 300]))
    found = sample(media, 8.0, 24.0, fps=0.5)
    assert numbers_in(found.pixels) == [3, 4, 4, 5]
    assert found.times == pytest.approx((8.0, 12.3, 16.6, 20.9))
    assert found.degraded == ()


def test_scaled_straight_to_the_planned_size(tmp_path: Path, open_path: Open) -> None:
    media = open_path(make_video(tmp_path / "video.mp4", size=(640, 384)))
    found = sample(media, tokens=10 * 135)
    assert found.pixels.shape == (20, 288, 480, 3)
    assert found.pixels.dtype == np.uint8
    assert found.pixels.flags.c_contiguous
    assert numbers_in(found.pixels) == list(range(0, 100, 5))


def test_several_threads_at_once_give_the_same(tmp_path: Path, open_path: Open) -> None:
    media = open_path(make_video(tmp_path / "video.mp4", frames=200))
    starts = [0.0, 4.0, 8.0, 12.0, 2.0, 6.0, 10.0, 14.0]

    def decoded(start: float) -> SampledFrames:
        return sample(media, start, start + 4.0)

    alone = [decoded(start) for start in starts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(decoded, starts * 2))
    for one, other in zip(alone * 2, together, strict=True):
        assert one.times == other.times
        assert np.array_equal(one.pixels, other.pixels)


def test_half_a_file_gives_the_chunks_that_exist(tmp_path: Path, open_path: Open) -> None:
    path = make_video(tmp_path / "video.mp4", frames=600, container_options={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    media = open_path(path)
    assert (media.info.duration, media.info.total_frames) == (60.0, 600)
    assert numbers_in(sample(media, 0.0, 20.0).pixels) == list(range(0, 200, 5))
    partly = sample(media, 20.0, 40.0)
    assert len(partly.times) >= 20
    (note,) = partly.degraded
    assert note.endswith("of 40 frames could not be decoded (damaged or cut off)")
    assert int(note.split()[0]) in (39 - len(partly.times), 40 - len(partly.times))
    with pytest.raises(PermanentError, match="Only 0 of 40 frames") as caught:
        sample(media, 40.0)
    assert caught.value.code is ErrorCode.CHUNK_NO_FRAMES
    assert numbers_in(sample(media, 0.0, 20.0).pixels) == list(range(0, 200, 5)), "good chunks still work afterwards"


def test_damage_costs_the_frames_it_hits(tmp_path: Path, open_path: Open) -> None:
    path = make_video(tmp_path / "video.mkv", frames=300)
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 2, len(data) // 2 + 3000):
        data[place] ^= 0x5A
    path.write_bytes(data)
    media = open_path(path)
    found = sample(media)
    assert len(found.times) % 2 == 0
    assert all(before < after for before, after in itertools.pairwise(found.times))
    assert numbers_in(found.pixels)[:8] == list(range(0, 40, 5))


def opened_that_fails(error: type[av.FFmpegError], *, gpu: bool) -> OpenContainer:
    """Whatever it is to decode, there is this error."""

    def failing(_: object) -> list[VideoFrame]:
        raise error(1, "Operation not permitted")

    decoder = SimpleNamespace(codec_context=SimpleNamespace(decode=failing))
    return cast(OpenContainer, SimpleNamespace(stream=decoder, gpu=gpu, refused=0))


def test_want_of_memory_is_no_damage() -> None:
    """FFmpeg says it as it says that a packet is damaged; a chunk without its frames would be a wrong answer."""
    with pytest.raises(MemoryError):
        run._decode(opened_that_fails(av.error.MemoryError, gpu=False), None)
    # On a card it is the card's memory, and the CPU has its own.
    with pytest.raises(PermanentError, match="no memory left on it"):
        run._decode(opened_that_fails(av.error.MemoryError, gpu=True), None)


def test_a_card_that_refuses_all_is_asked_for_a_few_packets_only() -> None:
    card, asked = opened_that_fails(av.error.ExternalError, gpu=True), itertools.count()
    with pytest.raises(PermanentError) as found:
        while next(asked) < 1800:
            run._decode(card, None)
    assert next(asked) == run.MAX_REFUSED
    assert found.value.code is ErrorCode.MEDIA_UNREADABLE
    cpu = opened_that_fails(av.error.ExternalError, gpu=False)
    assert all(run._decode(cpu, None) == [] for _ in range(1800)), "a long damaged stretch"


def test_a_packet_that_is_decoded_ends_a_damaged_stretch() -> None:
    card = opened_that_fails(av.error.ExternalError, gpu=True)
    for _ in range(3):
        for _ in range(run.MAX_REFUSED - 1):
            assert run._decode(card, None) == []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(card.stream, "codec_context", SimpleNamespace(decode=lambda _: []))
            assert run._decode(card, None) == []


def test_closing_while_a_decode_runs_lets_it_end(tmp_path: Path, open_path: Open) -> None:
    media: Media = open_path(make_video(tmp_path / "video.mp4", frames=300))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(sample, media)
        while not media._users and not running.done():
            pass
        media.close()
        assert len(running.result().times) == 60
    with pytest.raises(ValueError, match="closed"):
        sample(media)


def test_what_was_read_and_how_long_it_took(tmp_path: Path, open_path: Open) -> None:
    media = open_path(make_video(tmp_path / "video.mp4"))
    before = media.bytes_read
    found = sample(media)
    assert media.bytes_read >= before
    assert found.decode_seconds > 0
    assert found.fetch_seconds >= 0
