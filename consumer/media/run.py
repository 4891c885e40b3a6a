"""One run of decoding: from a key frame to the last wanted frame, everything unwanted skipped that can be."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from consumer.media.clock import StreamClock
from consumer.media.container import OpenContainer
from consumer.media.sampling import WantedFrames
from consumer.media.seeking import VideoPacket, packets_from

MAX_LOOK_AHEAD = 256
"""Packets held back at most while it is open whether they are wanted; beyond it they are decoded in any case."""

LEAST_DURATION = 0.1
"""Seconds that a frame is taken to be on show where the file does not say."""


@dataclass(frozen=True, slots=True)
class ChosenFrame:
    """The newest decoded frame for one of the wanted times."""

    slot: int
    ticks: int
    frame: VideoFrame


def chosen_frames(
    opened: OpenContainer, clock: StreamClock, wanted: WantedFrames, *, keyframes_only: bool
) -> Iterator[ChosenFrame]:
    """The frames that the wanted times mean, in order, one a time; those damaged beyond decoding are missing."""
    frames = (
        _all_frames(opened, clock, wanted) if clock.by_dts else _sparse_frames(opened, clock, wanted, keyframes_only)
    )
    held: ChosenFrame | None = None
    for ticks, frame in frames:
        if held is not None and ticks <= held.ticks:
            # Frames come in the order of their times, unless two recordings were joined badly.
            continue
        slot = wanted.slot(ticks)
        if slot == len(wanted.limits):
            break
        if held is not None and held.slot != slot:
            yield held
        held = ChosenFrame(slot, ticks, frame)
    if held is not None:
        yield held


def _sparse_frames(
    opened: OpenContainer, clock: StreamClock, wanted: WantedFrames, keyframes_only: bool
) -> Iterator[tuple[int, VideoFrame]]:
    """Every wanted frame, and those that the decoder could not do without."""
    pending: deque[VideoPacket] = deque()
    end: int | None = None
    for packet in packets_from(opened, clock, wanted.limits[0]):
        if packet.pts is not None:
            packet_end = packet.pts + (packet.duration or clock.ticks(LEAST_DURATION))
            end = packet_end if end is None else max(end, packet_end)
        if keyframes_only and not packet.is_keyframe:
            wanted.see(None, packet.dts)
        else:
            wanted.see(None if packet.is_discard else packet.pts, packet.dts)
            pending.append(packet)
        while pending and (_decided(wanted, pending[0]) or len(pending) > MAX_LOOK_AHEAD):
            yield from _timed(_decode_one(opened, wanted, pending.popleft()))
        if wanted.complete:
            break
    else:
        wanted.cut_off(end)
    while pending and not _wanted(wanted, pending[-1]):
        pending.pop()
    for packet in pending:
        yield from _timed(_decode_one(opened, wanted, packet))
    yield from _timed(_decode(opened, None))


def _decided(wanted: WantedFrames, packet: VideoPacket) -> bool:
    return packet.pts is None or wanted.decided(packet.pts)


def _wanted(wanted: WantedFrames, packet: VideoPacket) -> bool:
    return packet.pts is None or wanted.wanted(packet.pts)


def _decode_one(opened: OpenContainer, wanted: WantedFrames, packet: VideoPacket) -> list[VideoFrame]:
    opened.stream.codec_context.skip_frame = "DEFAULT" if _wanted(wanted, packet) else "NONREF"
    return _decode(opened, packet)


def _decode(opened: OpenContainer, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
    """Decode one packet, or with None all that is still in the decoder; a damaged one gives nothing.

    Raises:
        MemoryError: nothing is wrong with the packet, and a chunk without its frame would be a wrong answer.
    """
    try:
        return opened.stream.codec_context.decode(packet)
    except MemoryError:
        # FFmpeg's error of that name is both.
        raise
    except av.FFmpegError:
        return []


def _timed(frames: list[VideoFrame]) -> Iterator[tuple[int, VideoFrame]]:
    for frame in frames:
        if frame.pts is not None and not frame.is_corrupt:
            yield frame.pts, frame


def _all_frames(opened: OpenContainer, clock: StreamClock, wanted: WantedFrames) -> Iterator[tuple[int, VideoFrame]]:
    """Every frame, by the decoding times that they come out with: later than their packets' by the decoder's delay.

    So nothing can be said about a frame before it is there, and the run begins a second early.
    """
    opened.stream.codec_context.skip_frame = "DEFAULT"
    last, step = None, 1
    for packet in _then_none(packets_from(opened, clock, wanted.limits[0] - clock.ticks(1.0))):
        for frame in _decode(opened, packet):
            ticks = frame.dts
            if ticks is None:
                # The last frames come out without any time.
                if last is None:
                    continue
                ticks = last + step
            if last is not None and ticks > last:
                step = ticks - last
            last = ticks
            wanted.see(ticks, None)
            yield ticks, frame


def _then_none(packets: Iterator[VideoPacket]) -> Iterator[VideoPacket | None]:
    yield from packets
    yield None
