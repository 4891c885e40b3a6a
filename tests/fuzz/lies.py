"""Headers that lie: extreme numbers where a container keeps sizes, times, counts and dimensions (pure)."""

from __future__ import annotations

import random
import struct

_MP4 = (
    *(b"moov", b"mvhd", b"trak", b"tkhd", b"edts", b"elst", b"mdia", b"mdhd", b"hdlr", b"minf", b"stbl", b"stsd"),
    *(b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"co64", b"pasp", b"colr", b"clap", b"mdat", b"moof"),
    *(b"mfhd", b"tfhd", b"tfdt", b"trun", b"trex", b"mfra", b"tfra", b"avc1", b"avcC", b"hvc1", b"hvcC", b"av01"),
)
_MATROSKA = (
    *(b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x11\x4d\x9b\x74", b"\x15\x49\xa9\x66", b"\x2a\xd7\xb1"),
    *(b"\x44\x89", b"\x16\x54\xae\x6b", b"\xae", b"\x23\xe3\x83", b"\xb0", b"\xba", b"\x54\xb0", b"\x54\xba"),
    *(b"\x1f\x43\xb6\x75", b"\xe7", b"\xa3", b"\xa0", b"\xa1", b"\x9b", b"\x1c\x53\xbb\x6b", b"\xb3", b"\xf1"),
)
_OTHERS = (
    *(b"RIFF", b"LIST", b"avih", b"strh", b"strf", b"vids", b"idx1", b"indx", b"movi", b"00dc", b"OggS", b"theora"),
    *(b"onMetaData", b"duration", b"width", b"framerate", b"FLV", b"GIF89a", b"\x21\xf9\x04", b"IHDR", b"\xff\xc0"),
    *(b"\x47\x40", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"\x00\x00\x01\xe0", b"\x06\x0e\x2b\x34", b"icpf"),
    *(b"\xa1\xdc\xab\x8c", b"\x91\x07\xdc\xb7", b"\x30\x26\xb2\x75", b"\x00\x00\x00\x01\x67", b"\x9d\x01\x2a"),
)
TAGS = _MP4 + _MATROSKA + _OTHERS
"""Bytes that stand before, or a little before, a number that somebody believes."""

_NUMBERS = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    10**6,
    10**9,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63,
    2**64 - 1,
)
_FLOATS = (0.0, -1.0, 1e-300, 1e300, float("inf"), float("-inf"), float("nan"))


def lie(data: bytes, draw: random.Random) -> bytes:
    """The same file with one extreme number behind (or, as MP4 keeps sizes, before) one of the tags in it."""
    known = [tag for tag in TAGS if tag in data]
    if not known:
        return data
    tag = draw.choice(known)
    places: list[int] = []
    place = data.find(tag)
    while place >= 0 and len(places) < 50:
        places.append(place)
        place = data.find(tag, place + 1)
    at = draw.choice(places) + draw.choice((-4, len(tag), len(tag), len(tag) + draw.randrange(40)))
    if at < 0:
        return data
    number = _number(draw)
    return data[:at] + number + data[at + len(number) :]


def _number(draw: random.Random) -> bytes:
    if draw.random() < 0.1:
        return struct.pack(">d", draw.choice(_FLOATS))
    width = draw.choice((1, 2, 4, 4, 4, 8))
    number = draw.choice(_NUMBERS) & ((1 << 8 * width) - 1)
    return number.to_bytes(width, draw.choice(("big", "big", "little")))
