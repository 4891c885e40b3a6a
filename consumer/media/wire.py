"""What passes between this process and one of its decoders: requests there, reads and answers back.

A decoder has seen the video, so it is not trusted: what comes from it is a tag, and JSON of a known shape or a range of
bytes to read; nothing of it is unpickled here. Frames come in memory that both sides share.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from consumer.media.clock import StreamClock
from consumer.media.frames import FramePlan
from consumer.media.info import MediaInfo
from consumer.media.window import IndexExtent, Window

READ, PROBED, DECODED, FAILED, OUTSIDE = b"r", b"p", b"d", b"f", b"o"
"""Tags of a decoder's messages; `OUTSIDE` is the whole of one: see `OutsideWindowError`."""

RANGE = struct.Struct(">QI")
"""Offset and length that a decoder wants to read; the answer is `DATA` and the bytes, or `NO_DATA`."""

DATA, NO_DATA = b"d", b"n"


MEMORY = 3 * 2**30
"""Bytes of its own that a decoder may have: an 8K stream with 16 reference frames takes a third of it."""

KEPT_OPEN = 4
"""Videos whose parsed index a decoder keeps for their next chunk."""

KEPT_OPEN_ON_CARD = 1
"""The same on a card, where each holds frames in the card's memory, of which the model leaves little."""

OUT_OF_MEMORY = 77
"""Exit code of a decoder that needed more."""


def kept_open(*, gpu: bool) -> int:
    """How many videos a decoder keeps open."""
    return KEPT_OPEN_ON_CARD if gpu else KEPT_OPEN


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """Find out what a video is.

    Args:
        video: a number that stands for it, for as long as this process lives.
        size: its bytes.
        seconds: how long that may take.
        scan_seconds: how long packets may be read to learn the duration, before the header is believed.
    """

    video: int
    size: int
    seconds: float
    scan_seconds: float


@dataclass(frozen=True, slots=True)
class DecodeRequest:
    """Decode the frames of a chunk into shared memory, uint8 [T, H, W, 3]; its descriptor follows.

    Args:
        video: as above; likewise `size` and `seconds`.
        rotation: degrees clockwise, 0, 90, 180 or 270.
        window: what the bytes that are read have of the video's index; None: all.
    """

    video: int
    size: int
    seconds: float
    clock: StreamClock
    rotation: int
    plan: FramePlan
    window: Window | None = None


Request = ProbeRequest | DecodeRequest


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """A `Probe`, in JSON's types: `time_base` is numerator and denominator."""

    info: MediaInfo
    first: int
    time_base: tuple[int, int]
    by_dts: bool
    index: IndexExtent | None


@dataclass(frozen=True, slots=True)
class DecodeAnswer:
    """Which rows of the memory are the chunk's pictures, the time of each (s of source time), and how many are lost."""

    rows: tuple[int, ...]
    times: tuple[float, ...]
    lost: int


@dataclass(frozen=True, slots=True)
class FailureAnswer:
    """Why not; `bug`: nothing that was foreseen, and `message` is for the log."""

    code: str
    message: str
    bug: bool
