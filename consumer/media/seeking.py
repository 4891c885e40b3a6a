"""Getting to the key frame from which a wanted frame can be decoded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TypeAlias

import av
from av.packet import Packet
from av.video.stream import VideoStream

from consumer.media.clock import StreamClock
from consumer.media.container import OpenContainer

VideoPacket: TypeAlias = "Packet[VideoStream]"
BEFORE_START = 2.0
"""Seconds before the first frame from which on a seek means the beginning of the file."""

_TRIES = 24


def packet_ticks(packet: VideoPacket, clock: StreamClock) -> int | None:
    """When the packet's frame is shown."""
    return packet.dts if clock.by_dts else packet.pts


def packets_from(opened: OpenContainer, clock: StreamClock, target: int) -> Iterator[VideoPacket]:
    """Packets in decoding order, from a key frame that is shown at `target` (ticks) or before.

    A container may seek by decoding time (MP4) and so land on a key frame that is shown after the target, or anywhere
    (MPEG-TS): then it is tried again further back, twice as far each time, at last from the beginning. What stands
    before the key frame is left out. Ends where the data ends, also where a file was cut off.

    Raises:
        OutsideWindowError: they would begin before the window that was opened.
    """
    # Where there are decoding times only, the first frame's is later than its packet's.
    begin = (opened.stream.start_time or 0) if clock.by_dts else clock.first
    back = 0
    for _ in range(_TRIES):
        from_start = target - back < clock.first - clock.ticks(BEFORE_START)
        # Some formats refuse to seek to before the first frame, others need it to find the first.
        packets = _seek(opened, (target - back, begin, 0) if from_start else (target - back,))
        skipped = []
        for packet in packets:
            ticks = packet_ticks(packet, clock)
            if packet.is_keyframe and (ticks is None or ticks <= target or from_start):
                opened.require_whole(packet.dts)
                return itertools.chain([packet], packets)
            if packet.is_keyframe or (packet.dts is not None and packet.dts > target):
                break
            if from_start:
                skipped.append(packet)
        if from_start and skipped:
            # No key frame at all, as with intra refresh: the decoder finds its way from the first packet on.
            opened.require_whole(skipped[0].dts)
            return itertools.chain(skipped, packets)
        back = max(clock.ticks(1.0), back * 2)
    return iter(())


def _seek(opened: OpenContainer, targets: tuple[int, ...]) -> Iterator[VideoPacket]:
    """Seek to the first of the targets that the container knows a place for."""
    for target in targets:
        try:
            opened.container.seek(target, stream=opened.stream)
        except av.FFmpegError:
            opened.reader.check()
        else:
            return video_packets(opened)
    return iter(())


def video_packets(opened: OpenContainer) -> Iterator[VideoPacket]:
    """The stream's packets from here on; damaged data ends them, a failing source raises."""
    try:
        for packet in opened.container.demux(opened.stream):
            if packet.size:
                yield packet
            opened.reader.check()
    except (av.FFmpegError, IndexError):
        # IndexError: PyAV's, at the end of a file in which another stream has turned up since it was opened.
        pass
    opened.reader.check()
