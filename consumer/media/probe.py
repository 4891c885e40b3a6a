"""What a file is: from its first frame, its index and its last packets, and only then from what its header claims."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction

import av
from av.index import IndexEntries
from av.video.frame import VideoFrame

from consumer.errors import ErrorCode, PermanentError
from consumer.media.clock import StreamClock
from consumer.media.container import OpenContainer, check_geometry, possible, unreadable
from consumer.media.info import MediaInfo
from consumer.media.seeking import packets_from, video_packets
from consumer.media.window import IndexExtent

FULL_SCAN_BYTES = 32 * 2**20
"""Files up to this size are read through once, if they have no complete index."""

FIRST_FRAME_PACKETS = 500
"""Packets that may pass before one can be decoded."""

MOST_REORDERED = 32
"""Frames that may stand between two in the file and not when they are shown: the most that a decoder keeps is 16."""

DEFAULT_FPS = 25.0

LEAST_SECONDS = 0.001
"""That a video lasts, whatever its header says of a billion frames a second: no time at all cannot be planned."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What decoding needs to know of a file, and what its viewer wants to know.

    Args:
        index: None: it is no MP4, or its index is not complete.
    """

    info: MediaInfo
    clock: StreamClock
    index: IndexExtent | None


@dataclass(frozen=True, slots=True)
class _Extent:
    """Seconds that the video lasts, and its number of frames where they could be counted."""

    duration: float
    frames: int | None


def probe(opened: OpenContainer, *, size_bytes: int, scan_seconds: float) -> Probe:
    """Look at a freshly opened file.

    Args:
        scan_seconds: how long packets may be read to learn the duration before the header is believed.

    Raises:
        PermanentError: MEDIA_UNREADABLE, MEDIA_UNSUPPORTED, CHUNK_NO_FRAMES (a single picture); or as the source says.
        TransientError: as the source says.
    """
    stream, container = opened.stream, opened.container
    name = container.format.name.split(",")[0]
    first = _first_frame(opened)
    by_dts = name == "avi"
    start = first.dts if by_dts else first.pts
    if start is None or not stream.time_base:
        raise unreadable("The file's frames carry no times.")
    clock = StreamClock(start, stream.time_base, by_dts)
    extent = _extent(opened, clock, complete_index=name in ("mov", "avi"), size=size_bytes, seconds=scan_seconds)
    if extent.frames == 1:
        message = "The video stream is a single picture, and at least 4 frames are needed."
        raise PermanentError(ErrorCode.CHUNK_NO_FRAMES, message)
    fps = _fps(stream.average_rate or stream.guessed_rate, extent)
    rotation = round(-first.rotation / 90) * 90 % 360
    width, height = _shown_size(first, stream.sample_aspect_ratio, rotation)
    info = MediaInfo(
        width=width,
        height=height,
        fps=fps,
        duration=max(extent.duration, LEAST_SECONDS),
        total_frames=extent.frames or max(1, round(extent.duration * fps)),
        codec=stream.codec_context.codec.canonical_name,
        container=name,
        size_bytes=size_bytes,
        has_audio=bool(container.streams.audio),
        rotation=rotation,
    )
    return Probe(info, clock, _index(opened) if name == "mov" else None)


def _index(opened: OpenContainer) -> IndexExtent | None:
    entries = opened.stream.index_entries
    if not opened.index_is_complete:
        return None
    return IndexExtent(len(entries), entries[0].timestamp, entries[len(entries) - 1].timestamp)


def _first_frame(opened: OpenContainer) -> VideoFrame:
    codec = opened.stream.codec_context
    for number, packet in enumerate(video_packets(opened)):
        if number >= FIRST_FRAME_PACKETS:
            break
        try:
            frames = codec.decode(packet)
        except av.FFmpegError:
            continue
        if frames:
            return frames[0]
    try:
        frames = codec.decode(None)
    except av.FFmpegError:
        frames = []
    if not frames:
        raise unreadable("No frame of the video can be decoded.")
    return frames[0]


def _extent(opened: OpenContainer, clock: StreamClock, *, complete_index: bool, size: int, seconds: float) -> _Extent:
    """How long the video is: the index where it is complete, else the packets, else the header."""
    deadline = time.monotonic() + seconds
    claimed = _claimed_duration(opened)
    # An AVI that was cut off lost its index; what stands for it then lists only what was read so far.
    indexed = _indexed(opened, clock) if complete_index and opened.index_is_complete else None
    if indexed is not None:
        # The index knows frames whose data is cut off; the last packet knows how long it is shown.
        tail = _scan(opened, clock, clock.first + clock.ticks(indexed.duration), deadline)
        return _Extent(max(indexed.duration, tail.duration if tail else 0.0), indexed.frames)
    if size > FULL_SCAN_BYTES and claimed is not None:
        scanned = _scan(opened, clock, clock.first + clock.ticks(claimed), deadline)
        return scanned or _Extent(claimed, None)
    scanned = _scan(opened, clock, clock.first, deadline)
    if scanned is None and claimed is None:
        raise unreadable("The file does not say how long it is, and reading it through takes too long.")
    return scanned or _Extent(claimed or 0.0, None)


def _claimed_duration(opened: OpenContainer) -> float | None:
    stream, container = opened.stream, opened.container
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return container.duration / av.time_base
    return None


def _indexed(opened: OpenContainer, clock: StreamClock) -> _Extent | None:
    entries = opened.stream.index_entries
    count = len(entries)
    if count == 0:
        return None
    if count == 1:
        return _Extent(max(clock.seconds(clock.first + (opened.stream.duration or 1)), 0.001), 1)
    span = float((entries[count - 1].timestamp - entries[0].timestamp) * clock.time_base)
    shown = count - _hidden(entries)
    return _Extent(round(span * shown / (count - 1), 6), shown)


def _hidden(entries: IndexEntries) -> int:
    """How many frames an edit list leaves out: the first ones, among which are a few that are shown (B-frames)."""
    hidden = since = 0
    for entry in entries:
        hidden += entry.is_discard
        since = 0 if entry.is_discard else since + 1
        if since > MOST_REORDERED:
            break
    return hidden


def _scan(opened: OpenContainer, clock: StreamClock, target: int, deadline: float) -> _Extent | None:
    """Read packets from the last key frame before `target` to the end; None: that took too long or gave nothing."""
    count, earliest, latest, end = 0, None, clock.first, clock.first
    for packet in packets_from(opened, clock, target):
        if time.monotonic() > deadline:
            return None
        ticks = packet.dts if clock.by_dts else packet.pts
        if ticks is None or packet.is_discard:
            continue
        count += 1
        earliest = ticks if earliest is None else min(earliest, ticks)
        latest = max(latest, ticks)
        end = max(end, ticks + (packet.duration or 0))
    if earliest is None:
        return None
    if end == latest and count > 1:
        # Packets without a duration: the last frame is shown as long as the others on average.
        end += round((latest - earliest) / (count - 1))
    if end <= clock.first:
        return None
    whole = earliest <= clock.first
    if whole and clock.by_dts:
        # Frames leave the decoder with the decoding time of a later packet, the first one as well as the last.
        end += clock.first - earliest
    return _Extent(round(clock.seconds(end), 6), count if whole else None)


def _fps(claimed: Fraction | None, extent: _Extent) -> float:
    """Frames a second: as claimed where the count bears it out within 2 %, else as counted."""
    counted = extent.frames / extent.duration if extent.frames and extent.duration > 0 else None
    if claimed and (counted is None or abs(float(claimed) - counted) <= 0.02 * counted):
        return float(claimed)
    return counted or DEFAULT_FPS


def _shown_size(frame: VideoFrame, aspect: Fraction | None, rotation: int) -> tuple[int, int]:
    width, height = frame.width, frame.height
    # The header may have said something else.
    check_geometry(width, height)
    if aspect and aspect > 0 and possible(stretched := round(width * aspect), height):
        # No other is believed: a pixel two billion times as wide as it is high makes no picture.
        width = stretched
    return (height, width) if rotation % 180 else (width, height)
