"""Files made to hurt: each says one thing that cannot be, as large as its container lets it (pure)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

Files = Mapping[str, bytes]
MOST = 2**32 - 1


def million_tracks_mp4(files: Files) -> bytes:
    return _head(files["h264-first.mp4"], b"moov") + _box(b"moov", _box(b"trak", b"") * 1_000_000)


def nested_boxes_mp4(files: Files) -> bytes:
    """A hundred thousand boxes, one in the other."""
    depth = 100_000
    boxes = b"".join(struct.pack(">I4s", 8 * (depth - level), b"udta") for level in range(depth))
    return _head(files["h264-first.mp4"], b"moov") + _box(b"moov", boxes)


def billion_frames_a_second_mp4(files: Files) -> bytes:
    data = _put(files["h264-first.mp4"], b"mdhd", 16, 10**9)
    return _put(data, b"stts", 16, 1)


def no_time_mp4(files: Files) -> bytes:
    data = files["h264-first.mp4"]
    for tag, offset in ((b"mvhd", 20), (b"tkhd", 24), (b"mdhd", 20), (b"stts", 16)):
        data = _put(data, tag, offset, 0)
    return data


def for_ever_mp4(files: Files) -> bytes:
    data = files["h264-first.mp4"]
    for tag, offset in ((b"mvhd", 20), (b"tkhd", 24), (b"mdhd", 20)):
        data = _put(data, tag, offset, MOST)
    return _put(data, b"stts", 16, 2**31 - 1)


def no_timescale_mp4(files: Files) -> bytes:
    return _put(_put(files["h264-first.mp4"], b"mvhd", 16, 0), b"mdhd", 16, 0)


def huge_dimensions_mp4(files: Files) -> bytes:
    data = files["h264-first.mp4"]
    for tag, offset in ((b"tkhd", 80), (b"tkhd", 84), (b"avc1", 28)):
        data = _put(data, tag, offset, MOST)
    return data


def four_billion_samples_mp4(files: Files) -> bytes:
    """All of one size, all of one duration: eight bytes say so."""
    data = _put(_put(files["h264-first.mp4"], b"stsz", 8, 1), b"stsz", 12, MOST)
    return _put(data, b"stts", 12, MOST)


def four_billion_entries_mp4(files: Files) -> bytes:
    data = files["h264-first.mp4"]
    for tag in (b"stts", b"ctts", b"stss", b"stsc", b"stco"):
        data = _put(data, tag, 8, MOST)
    return data


def endless_pixels_mp4(files: Files) -> bytes:
    """One pixel is two billion times as wide as it is high."""
    return _put(_put(files["h264-first.mp4"], b"pasp", 4, 2**31 - 1), b"pasp", 8, 1)


def endless_turned_pixels_mp4(files: Files) -> bytes:
    """The same on a phone held upright."""
    data = endless_pixels_mp4(files)
    turned = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    place = data.index(b"tkhd") + 44
    return data[:place] + turned + data[place + len(turned) :]


def million_tracks_mkv(files: Files) -> bytes:
    tracks = b"\xae\x83\x83\x81\x01" * 1_000_000
    return _head_of_segment(files["uneven.mkv"]) + b"\x16\x54\xae\x6b" + _ebml_size(len(tracks)) + tracks


def infinite_duration_mkv(files: Files) -> bytes:
    return _float(files["uneven.mkv"], b"\x44\x89\x88", float("inf"))


def no_number_for_duration_mkv(files: Files) -> bytes:
    return _float(files["uneven.mkv"], b"\x44\x89\x88", float("nan"))


def infinite_duration_flv(files: Files) -> bytes:
    return _float(files["h264.flv"], b"duration\0", float("inf"))


def billion_frames_a_second_avi(files: Files) -> bytes:
    return _put(_put(files["mjpeg.avi"], b"strh", 28, 1, "<"), b"strh", 32, 10**9, "<")


def half_an_hour_a_frame_avi(files: Files) -> bytes:
    return _put(_put(files["mjpeg.avi"], b"strh", 28, 1645, "<"), b"strh", 32, 1, "<")


def for_ever_avi(files: Files) -> bytes:
    data = _put(_put(files["mpeg4.avi"], b"strh", 28, MOST, "<"), b"strh", 32, 1, "<")
    return _put(data, b"strh", 40, MOST, "<")


def huge_pictures_avi(files: Files) -> bytes:
    """The header says 96x64, and every JPEG in it 65,500 pixels a side."""
    data, large = files["mjpeg.avi"], struct.pack(">HH", 65_500, 65_500)
    parts = data.split(b"\xff\xc0\x00\x11\x08")
    return b"\xff\xc0\x00\x11\x08".join([parts[0], *(large + part[4:] for part in parts[1:])])


def huge_pictures_mkv(files: Files) -> bytes:
    parts = files["png.mkv"].split(b"IHDR")
    return b"IHDR".join([parts[0], *(struct.pack(">II", 30_000, 30_000) + part[8:] for part in parts[1:])])


def huge_screen_gif(files: Files) -> bytes:
    data = files["picture.gif"]
    return data[:6] + struct.pack("<HH", 65_535, 65_535) + data[10:]


def late_stream_ts(files: Files) -> bytes:
    """Sound that turns up when the file has been open for long."""
    return files["hevc.ts"] + files["h264-aac.ts"]


def last_granule_ogg(files: Files) -> bytes:
    parts = files["theora.ogg"].split(b"OggS")
    return b"OggS".join([parts[0], *(part[:2] + b"\xff" * 7 + b"\x7f" + part[10:] for part in parts[1:])])


SPECIALS: tuple[Callable[[Files], bytes], ...] = (
    *(million_tracks_mp4, nested_boxes_mp4, billion_frames_a_second_mp4, no_time_mp4, for_ever_mp4, no_timescale_mp4),
    *(huge_dimensions_mp4, four_billion_samples_mp4, four_billion_entries_mp4, endless_pixels_mp4),
    *(endless_turned_pixels_mp4, million_tracks_mkv, infinite_duration_mkv, no_number_for_duration_mkv),
    *(infinite_duration_flv, billion_frames_a_second_avi, for_ever_avi, huge_pictures_avi, huge_pictures_mkv),
    *(huge_screen_gif, last_granule_ogg, late_stream_ts, half_an_hour_a_frame_avi),
)
"""Their names end as those of their files."""


def _head(data: bytes, tag: bytes) -> bytes:
    """What stands before the box of that name."""
    return data[: data.index(tag) - 4]


def _head_of_segment(data: bytes) -> bytes:
    """The EBML header, and a segment of unknown size."""
    return data[: data.index(b"\x18\x53\x80\x67")] + b"\x18\x53\x80\x67\x01" + b"\xff" * 7


def _ebml_size(size: int) -> bytes:
    return (1 << 56 | size).to_bytes(8, "big")


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, name) + content


def _put(data: bytes, tag: bytes, offset: int, number: int, order: str = ">") -> bytes:
    """Four bytes overwritten, so far behind the beginning of the first such tag."""
    place = data.index(tag) + offset
    return data[:place] + struct.pack(f"{order}I", number) + data[place + 4 :]


def _float(data: bytes, tag: bytes, number: float) -> bytes:
    place = data.index(tag) + len(tag)
    return data[:place] + struct.pack(">d", number) + data[place + 8 :]
