"""The boxes of an MP4 or MOV file, read with a grain of salt: whatever is not as expected is an error."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from consumer.media.reader import RangeReader

MOST_BOXES = 200
"""In one box; films have some ten."""

_HEADER = struct.Struct(">I4s")


class StructureError(Exception):
    """The file is not what this reads; which says nothing against the file."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where a box is in the file, bytes: its header, what is in it, and what comes after it."""

    name: bytes
    begin: int
    body: int
    end: int


def read_exactly(reader: RangeReader, begin: int, end: int) -> bytes:
    """The bytes [begin, end).

    Raises:
        StructureError: the file ends before.
        CodedError: as the source says.
    """
    data = bytearray()
    reader.seek(begin)
    while len(data) < end - begin:
        piece = reader.read(end - begin - len(data))
        if not piece:
            reader.check()
            raise StructureError("the file ends too early")
        data += piece
    return bytes(data)


def box_at(reader: RangeReader, place: int, end: int) -> Box:
    """The box that begins there, in one that goes to `end`.

    Raises:
        StructureError, CodedError: as `read_exactly`.
    """
    length, name = _HEADER.unpack(read_exactly(reader, place, place + _HEADER.size))
    body = place + _HEADER.size
    if length == 1:
        length = int.from_bytes(read_exactly(reader, body, body + 8), "big")
        body += 8
    if not body - place <= length <= end - place:
        raise StructureError(f"a box of {length} bytes")
    return Box(name, place, body, place + length)


def boxes_in(reader: RangeReader, parent: Box) -> list[Box]:
    """All that is in a box.

    Raises:
        StructureError, CodedError: as `read_exactly`.
    """
    found: list[Box] = []
    place = parent.body
    while place < parent.end:
        found.append(box_at(reader, place, parent.end))
        place = found[-1].end
        if len(found) > MOST_BOXES:
            raise StructureError("too many boxes")
    return found


def top_level_box(reader: RangeReader, name: bytes) -> Box:
    """The first box of that name.

    Raises:
        StructureError, CodedError: as `read_exactly`; there is none.
    """
    place = 0
    for _ in range(MOST_BOXES):
        box = box_at(reader, place, reader.size)
        if box.name == name:
            return box
        place = box.end
    raise StructureError("too many boxes")


def only(name: bytes, boxes: Iterable[Box]) -> Box:
    """The one of that name.

    Raises:
        StructureError: there is none, or more than one.
    """
    found = [box for box in boxes if box.name == name]
    if len(found) != 1:
        raise StructureError(f"{len(found)} boxes {name!r}")
    return found[0]


def written(name: bytes, body: bytes) -> bytes:
    """A box as it stands in a file."""
    return _HEADER.pack(_HEADER.size + len(body), name) + body
