"""The flag that PyAV does not set."""

from __future__ import annotations

from typing import Any

import pytest
from av.packet import Packet

from consumer.media import withhold as module
from consumer.media.withhold import can_withhold, withhold


def test_this_pyav_is_known() -> None:
    assert can_withhold()


def test_the_flag_is_set_and_nothing_else() -> None:
    packet: Packet[Any] = Packet(b"12345")
    packet.pts, packet.dts, packet.is_keyframe = 7, 5, True
    withhold(packet)
    assert packet.is_discard
    assert (packet.pts, packet.dts, packet.is_keyframe, packet.is_corrupt, bytes(packet)) == (
        7,
        5,
        True,
        False,
        b"12345",
    )


def test_packets_of_another_size_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SIZE", Packet.__basicsize__ + 8)
    assert not can_withhold.__wrapped__()


def test_a_packet_that_lies_elsewhere_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    other: Packet[Any] = Packet(b"1")
    of = module._of
    monkeypatch.setattr(module, "_of", lambda _: of(other))
    assert not can_withhold.__wrapped__()


def test_a_packet_that_lies_nowhere_is_noticed_without_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_address", lambda _: 0)
    assert not can_withhold.__wrapped__()
