"""One run of decoding: from a key frame to the last wanted frame, everything unwanted skipped that can be."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from consumer.errors import PermanentError
from consumer.media.clock import StreamClock
from consumer.media.container import OpenContainer, unreadable
from consumer.media.sampling import WantedFrames
from consumer.media.seeking import VideoPacket, packets_from
from consumer.media.withhold import withhold

MAX_LOOK_AHEAD = 256
"""Packets held back at most while it is open whether they are wanted; beyond it they are decoded in any case."""

MAX_REFUSED = 8
"""Packets in a row that a card may refuse: without memory for its frames it takes a while to refuse each."""

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
    choose = _all_frames if clock.by_dts else _sparse_frames
    frames = choose(opened, clock, wanted, keyframes_only)
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


class _DependentKeyFrameError(Exception):
    """The decoder was set down at a key frame and did not give it."""


def _sparse_frames(
    opened: OpenContainer, clock: StreamClock, wanted: WantedFrames, keyframes_only: bool
) -> Iterator[tuple[int, VideoFrame]]:
    """Every wanted frame, and those that the decoder could not do without.

    With intra refresh what the file calls a key frame is where a picture begins to build up; decoders give none until
    it is whole. Then it is begun further back, and from then on nothing of this video is left out.
    """
    begun: int | None = None
    while True:
        packets = packets_from(opened, clock, wanted.limits[0] if begun is None else begun - 1)
        first = next(packets, None)
        if first is None:
            wanted.cut_off(None)
            return
        run = _Run(opened, wanted, keyframes_only)
        if first.pts is not None and (begun is None or first.pts < begun):
            begun = first.pts
            run.check(first)
        try:
            yield from run.frames(itertools.chain([first], packets), clock)
        except _DependentKeyFrameError:
            opened.keys_stand_alone = False
        else:
            return


class _Run:
    """Packets in, frames out; what stands between the last wanted frame and the next one's key frame is left out."""

    def __init__(self, opened: OpenContainer, wanted: WantedFrames, keyframes_only: bool) -> None:
        self._opened, self._wanted, self._keyframes_only = opened, wanted, keyframes_only
        self._undecided: deque[VideoPacket] = deque()
        self._awaited: int | None = None

    def check(self, key: VideoPacket) -> None:
        """The next frame has to be that key frame's, or those between the key frames are needed."""
        self._awaited = None if key.is_discard or self._keyframes_only else key.pts

    def frames(self, packets: Iterator[VideoPacket], clock: StreamClock) -> Iterator[tuple[int, VideoFrame]]:
        """Decode until there is nothing more that is wanted.

        Raises:
            _DependentKeyFrameError: a key frame that was to be the next did not come out.
        """
        wanted, undecided, end = self._wanted, self._undecided, None
        last_key = self._last_key() if self._keyframes_only else None
        idle: list[VideoPacket] = []
        for packet in packets:
            if packet.pts is not None:
                packet_end = packet.pts + (packet.duration or clock.ticks(LEAST_DURATION))
                end = packet_end if end is None else max(end, packet_end)
            if self._keyframes_only and not packet.is_keyframe:
                wanted.see(None, packet.dts)
            else:
                wanted.see(None if packet.is_discard else packet.pts, packet.dts)
                undecided.append(packet)
            while undecided and (self._is_decided(undecided[0]) or len(undecided) > MAX_LOOK_AHEAD):
                idle.append(undecided.popleft())
                if self._is_wanted(idle[-1]) or len(idle) > MAX_LOOK_AHEAD:
                    yield from self._decode_all(idle)
                    idle.clear()
            if wanted.complete or (last_key is not None and packet.is_keyframe and packet.dts == last_key):
                break
        else:
            wanted.cut_off(end)
        while undecided:
            idle.append(undecided.popleft())
            if self._is_wanted(idle[-1]):
                yield from self._decode_all(idle)
                idle.clear()
        yield from self._drain()

    def _last_key(self) -> int | None:
        """The decoding time of the last key frame that can be wanted; None: the file's index does not know them all."""
        if not self._opened.index_is_complete:
            return None
        entries = self._opened.stream.index_entries
        found = entries.search_timestamp(self._wanted.limits[-1])
        return entries[found].timestamp if found >= 0 else None

    def _is_decided(self, packet: VideoPacket) -> bool:
        return packet.pts is None or self._wanted.decided(packet.pts)

    def _is_wanted(self, packet: VideoPacket) -> bool:
        return packet.pts is None or self._wanted.wanted(packet.pts)

    def _decode_all(self, packets: Sequence[VideoPacket]) -> Iterator[tuple[int, VideoFrame]]:
        """Decode packets of which at most the last is wanted, from a key frame among them on if that is enough."""
        begin = self._fresh_start(packets)
        if begin or self._keyframes_only:
            # Key frames alone are decoded one by one: a decoder that gets one after the other takes them for
            # neighbours, and gives them in a wrong order where they carry numbers (open GOPs).
            yield from self._drain()
            self._opened.stream.codec_context.flush_buffers()
            self.check(packets[begin])
        for packet in packets[begin:]:
            wanted = self._is_wanted(packet)
            self._opened.stream.codec_context.skip_frame = "DEFAULT" if wanted else "NONREF"
            if self._opened.withholds and not wanted and packet.pts != self._awaited:
                withhold(packet)
            yield from self._timed(_decode(self._opened, packet))

    def _fresh_start(self, packets: Sequence[VideoPacket]) -> int:
        """The place of the last key frame that is all the last packet's frame needs, if that is wanted; else 0."""
        last = packets[-1]
        if self._keyframes_only:
            return len(packets) - 1
        if not self._opened.keys_stand_alone or last.pts is None or not self._is_wanted(last):
            return 0
        # With open GOPs a key frame is followed by frames that are shown before it and need what came before it.
        leading = [one.pts for one in self._undecided if one.pts is not None and self._is_wanted(one)]
        earliest = min([last.pts, *leading])
        keys = [
            place
            for place, packet in enumerate(packets)
            if packet.is_keyframe and packet.pts is not None and packet.pts <= earliest
        ]
        return keys[-1] if keys else 0

    def _drain(self) -> Iterator[tuple[int, VideoFrame]]:
        yield from self._timed(_decode(self._opened, None))
        if self._awaited is not None:
            raise _DependentKeyFrameError

    def _timed(self, frames: list[VideoFrame]) -> Iterator[tuple[int, VideoFrame]]:
        for frame in frames:
            if self._awaited is not None and frame.pts is not None:
                if frame.pts > self._awaited:
                    raise _DependentKeyFrameError
                self._awaited = None
            if self._opened.withholds and frame.pts is not None and not self._wanted.wanted(frame.pts):
                # The awaited one, or one that came with another packet than its own; none may stand in for another.
                continue
            if frame.pts is not None and not frame.is_corrupt:
                yield frame.pts, frame


def _decode(opened: OpenContainer, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
    """Decode one packet, or with None all that is still in the decoder; a damaged one gives nothing.

    Raises:
        MemoryError: nothing is wrong with the packet, and a chunk without its frame would be a wrong answer.
        PermanentError: MEDIA_UNREADABLE, the card decodes nothing of it: a chunk goes to the CPU in time.
    """
    try:
        frames = opened.stream.codec_context.decode(packet)
    except MemoryError:
        # FFmpeg's error of that name is both.
        if opened.gpu:
            raise _refused_by_card() from None
        raise
    except av.FFmpegError:
        opened.refused += 1
        if opened.gpu and opened.refused >= MAX_REFUSED:
            raise _refused_by_card() from None
        return []
    opened.refused = 0
    return frames


def _refused_by_card() -> PermanentError:
    return unreadable("The card does not decode this video; there may be no memory left on it.")


def _all_frames(
    opened: OpenContainer, clock: StreamClock, wanted: WantedFrames, keyframes_only: bool
) -> Iterator[tuple[int, VideoFrame]]:
    """Every frame (or key frame) by the decoding time that it comes out with, the decoder's delay after its packet's.

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
            if frame.key_frame or not keyframes_only:
                wanted.see(ticks, None)
                yield ticks, frame


def _then_none(packets: Iterator[VideoPacket]) -> Iterator[VideoPacket | None]:
    yield from packets
    yield None
