"""The video track of an MP4 or MOV: where it is in the file, its tables, and the same track with other tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumer.media.boxes import Box, StructureError, boxes_in, only, read_exactly, top_level_box, written
from consumer.media.reader import RangeReader
from consumer.media.sample_table import MOST_SAMPLES, SampleTable

MOST_DETAILS = 2**20
"""Bytes of a track beside its tables; films have some hundreds."""

_TABLES = (b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"co64")
MOST_TABLE = 12 * MOST_SAMPLES + 12

_NEEDLESS = (b"cslg", b"sdtp", b"sgpd", b"sbgp", b"free", b"skip")
"""Beside the tables: nothing of it bears on what is decoded, but for two kinds of groups."""

_KEY_GROUPS = (b"rap ", b"sync")


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The only video track of a file.

    Args:
        begin, end: bytes of the file that it takes.
        others: where the names of the other tracks' boxes are.
        timescale: ticks a second.
        samples: all of it.
    """

    begin: int
    end: int
    others: tuple[int, ...]
    timescale: int
    samples: SampleTable
    _levels: tuple[tuple[bytes, bytes, bytes], ...]

    def rewritten(self, tables: bytes) -> bytes | None:
        """The track with these tables: what stands at its place then, up to a box that says of the rest to leave it.

        None: there is not enough room.
        """
        track = tables
        for name, before, after in reversed(self._levels):
            track = written(name, before + track + after)
        rest = self.end - self.begin - len(track)
        return track + rest.to_bytes(4, "big") + b"free" if 8 <= rest < 2**32 else None


def read_video_track(reader: RangeReader) -> VideoTrack:
    """Find the track and read its tables.

    Raises:
        StructureError: it is no such file, it is fragmented, there is more than one video track, or edits, several
            kinds of samples, or anything else that is not understood here.
        CodedError: as the source says.
    """
    inside = boxes_in(reader, top_level_box(reader, b"moov"))
    if any(box.name in (b"mvex", b"cmov") for box in inside):
        raise StructureError("fragmented, or compressed")
    tracks = [box for box in inside if box.name == b"trak"]
    films = [track for track in tracks if _handler(reader, track) == b"vide"]
    if len(films) != 1:
        raise StructureError(f"{len(films)} video tracks")
    (film,) = films
    parts = boxes_in(reader, film)
    _require_simple_edits(reader, parts)
    media = only(b"mdia", parts)
    information = only(b"minf", boxes_in(reader, media))
    table = only(b"stbl", boxes_in(reader, information))
    tables = boxes_in(reader, table)
    description = _description(reader, tables)
    levels = [(outer.name, *_around(reader, outer, inner)) for outer, inner in ((film, media), (media, information))]
    levels += [(information.name, *_around(reader, information, table)), (table.name, description, b"")]
    return VideoTrack(
        begin=film.begin,
        end=film.end,
        others=tuple(track.begin + 4 for track in tracks if track != film),
        timescale=_timescale(reader, media),
        samples=SampleTable.parsed(_tables(reader, tables)),
        _levels=tuple(levels),
    )


def _handler(reader: RangeReader, track: Box) -> bytes:
    media = only(b"mdia", boxes_in(reader, track))
    handler = only(b"hdlr", boxes_in(reader, media))
    return read_exactly(reader, handler.body + 8, handler.body + 12)


def _timescale(reader: RangeReader, media: Box) -> int:
    header = only(b"mdhd", boxes_in(reader, media))
    long = read_exactly(reader, header.body, header.body + 1) == b"\1"
    place = header.body + (20 if long else 12)
    return int.from_bytes(read_exactly(reader, place, place + 4), "big")


def _require_simple_edits(reader: RangeReader, parts: Sequence[Box]) -> None:
    """None, or one, or one after an empty one: what writers put there for the delay of B-frames and of the sound."""
    edits = [box for box in parts if box.name == b"edts"]
    if not edits:
        return
    lists = only(b"elst", boxes_in(reader, only(b"edts", edits)))
    head = read_exactly(reader, lists.body, lists.body + 8)
    count, width = int.from_bytes(head[4:], "big"), 8 if head[0] == 1 else 4
    if count > 1:
        first = lists.body + 8 + width
        time = int.from_bytes(read_exactly(reader, first, first + width), "big", signed=True)
        if count > 2 or time != -1:
            raise StructureError(f"{count} edits")


def _description(reader: RangeReader, tables: Sequence[Box]) -> bytes:
    """Of the samples: there must be one only."""
    box = only(b"stsd", tables)
    if read_exactly(reader, box.body + 4, box.body + 8) != b"\0\0\0\1":
        raise StructureError("several kinds of samples")
    return _details(reader, box.begin, box.end)


def _around(reader: RangeReader, outer: Box, inner: Box) -> tuple[bytes, bytes]:
    """What stands in a box before and after another that is in it."""
    return _details(reader, outer.body, inner.begin), _details(reader, inner.end, outer.end)


def _details(reader: RangeReader, begin: int, end: int) -> bytes:
    if end - begin > MOST_DETAILS:
        raise StructureError(f"{end - begin} bytes beside the tables")
    return read_exactly(reader, begin, end)


def _tables(reader: RangeReader, boxes: Sequence[Box]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for box in boxes:
        if box.name in _TABLES:
            only(box.name, boxes)
            if box.end - box.body > MOST_TABLE:
                raise StructureError(f"{box.name!r} is too large")
            found[box.name] = read_exactly(reader, box.body, box.end)
        elif box.name == b"sbgp" and read_exactly(reader, box.body + 4, box.body + 8) in _KEY_GROUPS:
            raise StructureError("key frames that are told elsewhere")
        elif box.name != b"stsd" and box.name not in _NEEDLESS:
            raise StructureError(f"{box.name!r} among the tables")
    return found
