"""A long MP4 made narrow: its index is read once, here, and a decoder gets only what its chunk needs of it.

FFmpeg keeps forty bytes a frame, in each decoder: 50 MB for ten hours. So the bytes that a decoder reads are those of
the file but for the index, in which one stretch of the time stands, and before it the first frames, by which FFmpeg
knows codec and start time. Every time, size and place in it is the file's own. A file that is no plain film, as far as
`read_video_track` knows them, or not what FFmpeg itself has found in it, is left as it is.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from consumer.errors import CodedError
from consumer.media.boxes import StructureError
from consumer.media.clock import StreamClock
from consumer.media.frames import FramePlan
from consumer.media.reader import RangeReader
from consumer.media.sample_table import MOST_SAMPLES
from consumer.media.source import Source
from consumer.media.video_track import VideoTrack, read_video_track
from consumer.media.window import IndexExtent, Window

_log = structlog.get_logger(__name__)

LEAST_SAMPLES = 100_000
"""Frames of a video from which on it is narrowed; those of a shorter one take less than 4 MB in each decoder."""

CELL_SECONDS = 1800.0
"""Chunks whose times lie in the same half hour have the same window, so that it is opened once."""

MARGIN_SECONDS = 10.0
"""By which a window is larger than its cells: decoders may have to begin further back than at the last key frame."""

FIRST_SAMPLES = 64
"""What FFmpeg looks at when it opens a file."""

LARGEST_SHARE = 0.5
"""Of the index that a window may be; a chunk that needs more is decoded from the file as it is."""

KEPT_WINDOWS = 4
"""Chunks are begun in order, but end as they like; 20 bytes a frame."""

FURTHEST = 2**61
"""Ticks from 0 that times may be; so they can be added."""


class PatchedSource(Source):
    """Another source's bytes, some of them replaced; that one stays the caller's to close.

    Args:
        patches: offset and bytes, which do not overlap.
    """

    def __init__(self, source: Source, patches: Sequence[tuple[int, bytes]]) -> None:
        super().__init__(source.identity, source.size)
        self._source, self._patches = source, patches

    def read_at(self, offset: int, length: int) -> bytes:
        data = self._source.read_at(offset, length)
        for place, patch in self._patches:
            begin, end = max(place, offset), min(place + len(patch), offset + len(data))
            if begin < end:
                data = data[: begin - offset] + patch[begin - place : end - place] + data[end - offset :]
        return data

    def close(self) -> None:
        """Nothing is held here."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """From which bytes to decode, and what is to be found in them."""

    source: Source
    window: Window


class Narrowing:
    """Of one video; used from any thread.

    Args:
        index: as FFmpeg has read it from the whole file; None: there is nothing to narrow.
    """

    def __init__(self, source: Source, clock: StreamClock, index: IndexExtent | None) -> None:
        self._source, self._clock, self._index = source, clock, index
        self._possible = index is not None and LEAST_SAMPLES <= index.entries <= MOST_SAMPLES
        self._track: VideoTrack | None = None
        self._windows: OrderedDict[tuple[int, int], Narrowed] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, plan: FramePlan, deadline: float, late: CodedError) -> Narrowed | None:
        """What to decode that chunk from; None: from the file as it is.

        Args:
            deadline: on the monotonic clock; after it `late` is raised.

        Raises:
            CodedError: as the source says, or `late`.
        """
        cells = int(plan.times[0] // CELL_SECONDS), int(plan.times[-1] // CELL_SECONDS)
        with self._lock:
            if not self._possible or self._index is None:
                return None
            if (known := self._windows.get(cells)) is not None:
                self._windows.move_to_end(cells)
                return known
            try:
                if self._track is None:
                    reader = RangeReader(self._source)
                    reader.limit(deadline, late)
                    self._track = self._fitting(read_video_track(reader), self._index)
                made = self._narrowed(self._track, self._index.first, cells)
            except StructureError as error:
                self._give_up(str(error))
                return None
            if made is not None:
                self._windows[cells] = made
                while len(self._windows) > KEPT_WINDOWS:
                    self._windows.popitem(last=False)
            return made

    def give_up(self, reason: str) -> None:
        """Decode all further chunks from the file as it is."""
        with self._lock:
            if self._possible:
                self._give_up(reason)

    def _give_up(self, reason: str) -> None:
        self._possible, self._track = False, None
        self._windows.clear()
        _log.info("index_read_whole", reason=reason)

    def _fitting(self, track: VideoTrack, index: IndexExtent) -> VideoTrack:
        """Edit lists that leave something out are seen here, too."""
        samples, base = track.samples, self._clock.time_base
        same = (len(samples), samples.span) == (index.entries, index.last - index.first) and base * track.timescale == 1
        if not same or abs(index.first) > FURTHEST:
            raise StructureError("FFmpeg reads it in another way")
        return track

    def _narrowed(self, track: VideoTrack, first: int, cells: tuple[int, int]) -> Narrowed | None:
        """None: most of the index is needed."""
        clock = self._clock
        margin = clock.ticks(MARGIN_SECONDS)
        begin = clock.latest(cells[0] * CELL_SECONDS) - margin - first
        end = clock.latest((cells[1] + 1) * CELL_SECONDS) + margin - first
        if max(abs(begin), abs(end)) > FURTHEST:
            raise StructureError("times too far away")
        stretch = track.samples.stretch(begin, end, FIRST_SAMPLES)
        rewritten = track.rewritten(stretch.tables)
        if rewritten is None or len(stretch.numbers) > LARGEST_SHARE * len(track.samples):
            return None
        patches = [(track.begin, rewritten)]
        patches += [(place, b"free") for place in track.others]
        times = stretch.dts + first
        window = Window(cells, len(times), stretch.place, int(times[stretch.place]), int(times[-1]))
        return Narrowed(PatchedSource(self._source, patches), window)
