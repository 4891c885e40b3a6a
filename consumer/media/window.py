"""An MP4's index, and the part of it that a decoder is given where it is long."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IndexExtent:
    """An MP4's index as FFmpeg has it: its number of entries, the first and the last one's decoding time, ticks."""

    entries: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Window:
    """What a decoder finds if it has opened what it was meant to, and how far back it may go.

    Args:
        cells: the first and the last part of the video's time that it is for; with the video it names the window.
        entries: of the index.
        place: number of the entry from which on no frame is missing; those before are a few that FFmpeg wants to see.
        begin: that entry's decoding time, ticks.
        last: the last entry's.
    """

    cells: tuple[int, int]
    entries: int
    place: int
    begin: int
    last: int


class OutsideWindowError(Exception):
    """The chunk needs more of the video than the window has, or the window is not what it was taken for."""
