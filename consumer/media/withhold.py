"""Frames that only others need are decoded, but not brought out of the decoder.

On a card FFmpeg maps each frame that comes out, and copies it, work for which the model beside it has to make way. A
packet's flag AV_PKT_FLAG_DISCARD spares it both. PyAV shows the flag but does not set it, so it is set where FFmpeg
keeps it, if PyAV's packets are what they are in PyAV 17 and 18.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

from av.packet import Packet

_DISCARD = 4
_POINTER = ctypes.sizeof(ctypes.c_void_p)

_PLACE = object.__basicsize__ + _POINTER
"""Of the pointer to FFmpeg's packet, bytes: behind what every object has, and the table of methods."""

_SIZE = _PLACE + 2 * _POINTER
"""Of PyAV's packet, bytes; the packet's stream comes last."""


class _AVPacket(ctypes.Structure):
    """The beginning of FFmpeg's packet, which is part of its interface."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("pts", ctypes.c_int64),
        ("dts", ctypes.c_int64),
        ("data", ctypes.c_void_p),
        ("size", ctypes.c_int),
        ("stream_index", ctypes.c_int),
        ("flags", ctypes.c_int),
    )


def withhold(packet: Packet[Any]) -> None:
    """The frame that this packet begins is decoded, and does not come out. Only where `can_withhold`."""
    _of(packet).flags |= _DISCARD


@functools.cache
def can_withhold() -> bool:
    """Whether PyAV's packets are laid out as this module believes."""
    if Packet.__basicsize__ != _SIZE:
        return False
    packet: Packet[Any] = Packet(b"12345")
    packet.pts, packet.dts = 2**40 + 1, 2**41 + 3
    if not _address(packet):
        return False
    head = _of(packet)
    there = head.pts, head.dts, head.data, head.size
    if there != (packet.pts, packet.dts, packet.buffer_ptr, packet.size):
        return False
    withhold(packet)
    return packet.is_discard


def _address(packet: Packet[Any]) -> int:
    return ctypes.c_size_t.from_address(id(packet) + _PLACE).value


def _of(packet: Packet[Any]) -> _AVPacket:
    return _AVPacket.from_address(_address(packet))
