"""Frames that are not brought out of the decoder change none that is: as on a card, but on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from av.packet import Packet
from av.video.frame import VideoFrame

from consumer.media import decoder, run
from consumer.media.container import OpenContainer
from consumer.media.withhold import can_withhold, withhold
from tests.formats.comparing import differences
from tests.formats.declared import CODECS, CONTAINERS
from tests.formats.film import Film
from tests.media.conftest import Open, sample
from tests.media.videos import make_video, numbers_in


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[OpenContainer]:
    """Whatever a decoder opens, as on a card."""
    found: list[OpenContainer] = []

    class Withholding(OpenContainer):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self.withholds = can_withhold()
            found.append(self)

    monkeypatch.setattr(decoder, "OpenContainer", Withholding)
    return found


@pytest.fixture
def brought_out(monkeypatch: pytest.MonkeyPatch) -> list[VideoFrame]:
    """Every frame that has come out of a decoder."""
    found: list[VideoFrame] = []
    decode = run._decode

    def noting(opened: OpenContainer, packet: Packet[Any] | None) -> list[VideoFrame]:
        frames = decode(opened, packet)
        found.extend(frames)
        return frames

    monkeypatch.setattr(run, "_decode", noting)
    return found


@pytest.mark.parametrize("film", CODECS, indirect=True)
def test_each_sampled_frame(film: Film, tmp_path: Path, open_path: Open, opened: list[OpenContainer]) -> None:
    media = open_path(film.put_into(CONTAINERS["mkv"], tmp_path))
    assert list(differences(media, film)) == []
    assert opened


def test_only_wanted_frames_come_out(
    tmp_path: Path, open_path: Open, opened: list[OpenContainer], brought_out: list[VideoFrame]
) -> None:
    media = open_path(make_video(tmp_path / "video.mp4", options={"g": "100", "bf": "0"}))
    found = sample(media, 0.0, 10.0, fps=1.0)
    assert numbers_in(found.pixels) == list(range(0, 100, 10))
    times = [frame.pts or 0 for frame in brought_out]
    assert times == sorted(set(times))
    assert len(brought_out) == len(found.pixels)
    assert all(one.withholds for one in opened)


def test_a_frame_that_does_not_come_out_with_its_packet_is_decoded_again(
    tmp_path: Path, open_path: Open, opened: list[OpenContainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = run._decode

    def too_much(opened: OpenContainer, packet: Packet[Any] | None) -> list[VideoFrame]:
        if opened.withholds and packet is not None and not packet.is_keyframe:
            withhold(packet)
        return decode(opened, packet)

    monkeypatch.setattr(run, "_decode", too_much)
    media = open_path(make_video(tmp_path / "video.mp4", options={"g": "100", "bf": "0"}))
    found = sample(media, 0.0, 10.0, fps=1.0)
    assert numbers_in(found.pixels) == list(range(0, 100, 10))
    assert found.degraded == ()
    assert not opened[-1].withholds
