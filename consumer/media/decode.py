"""Decoding exactly the frames that a plan means, and as little else as possible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.errors import ErrorCode, PermanentError
from consumer.media.clock import StreamClock
from consumer.media.container import OpenContainer
from consumer.media.frames import FramePlan
from consumer.media.pixels import PixelBuffer
from consumer.media.run import chosen_frames
from consumer.media.sampling import Pictures, Selection, WantedFrames, select

LEAST_JUMP = 1.0
"""Seconds between two wanted times from which on a jump over what lies between is looked for."""


@dataclass(frozen=True, slots=True)
class DecodedChunk:
    """Rows of the pixels that are the chunk's, the time of each (s of source time), planned times that have none."""

    rows: tuple[int, ...]
    times: tuple[float, ...]
    lost: int


def decode_chunk(
    opened: OpenContainer, clock: StreamClock, rotation: int, plan: FramePlan, pixels: NDArray[np.uint8]
) -> DecodedChunk:
    """Decode the frames of one chunk.

    Frames that nothing refers to are skipped by the decoder unless they are wanted (`skip_frame` is set anew for every
    packet), which leaves every wanted frame byte for byte what a full decode gives. Where the times lie far apart, the
    decoder is set down anew at the last key frame before each.

    Args:
        rotation: degrees clockwise, 0, 90, 180 or 270.
        pixels: where the frames go, RGB, of the plan's shape.

    Raises:
        PermanentError: CHUNK_NO_FRAMES, fewer than four of the times have a picture; or as the source says.
        TransientError: as the source says.
    """
    buffer = PixelBuffer(pixels, rotation, opened.converter)
    pictures = Pictures()
    limits = [clock.latest(seconds) for seconds in plan.times]
    # Times closer together than the stream's ticks mean the same frame.
    places = {limit: place for place, limit in enumerate(sorted(set(limits)))}
    for run in _runs(opened, clock, list(places), plan.keyframes_only):
        _decode_run(opened, clock, plan, WantedFrames(run), pictures, buffer)
    pictures.rows = [pictures.rows[places[limit]] for limit in limits]
    selection = select(pictures.rows)
    if selection is None:
        raise _too_few(plan, sum(row is not None for row in pictures.rows))
    lost = sum(row is None for row in pictures.rows)
    return DecodedChunk(selection.rows, _times(selection, pictures, clock, plan), lost)


def _runs(
    opened: OpenContainer, clock: StreamClock, limits: Sequence[int], keyframes_only: bool
) -> Iterator[Sequence[int]]:
    """The times in groups, each to be begun at a key frame of its own, as far as the file's index knows them."""
    entries, least = opened.stream.index_entries, 1 if keyframes_only else clock.ticks(LEAST_JUMP)
    begin = 0
    for k in range(1, len(limits)):
        if limits[k] - limits[k - 1] >= least and not clock.by_dts:
            found = entries.search_timestamp(limits[k])
            if found >= 0 and entries[found].timestamp > limits[k - 1]:
                yield limits[begin:k]
                begin = k
    yield limits[begin:]


def _decode_run(
    opened: OpenContainer,
    clock: StreamClock,
    plan: FramePlan,
    wanted: WantedFrames,
    pictures: Pictures,
    buffer: PixelBuffer,
) -> None:
    decoded: dict[int, int] = {}
    spacing = clock.ticks(1 / plan.fps)
    for chosen in chosen_frames(opened, clock, wanted, keyframes_only=plan.keyframes_only):
        newest = wanted.newest[chosen.slot]
        # Before the first time all frames since the key frame compete; a much older one is no stand-in for a lost one.
        if newest is not None and newest - chosen.ticks > spacing:
            continue
        if pictures.stamps and chosen.ticks <= pictures.stamps[-1]:
            continue
        decoded[chosen.slot] = buffer.used
        buffer.add(chosen.frame)
        pictures.stamps.append(chosen.ticks)
    pictures.add(wanted.newest, decoded)


def _times(selection: Selection, pictures: Pictures, clock: StreamClock, plan: FramePlan) -> tuple[float, ...]:
    if selection.held_at is not None:
        return tuple(plan.times[k] for k in selection.held_at)
    exact = [clock.seconds(pictures.stamps[row]) for row in selection.rows]
    rounded = [round(seconds, 6) for seconds in exact]
    # Frames that claim to be nanoseconds apart stay apart.
    times = rounded if len(set(rounded)) == len(rounded) else exact
    return tuple(max(plan.chunk.start_time, seconds) for seconds in times)


def _too_few(plan: FramePlan, shown: int) -> PermanentError:
    chunk = plan.chunk
    message = (
        f"Only {shown} of {len(plan.times)} frames wanted between {chunk.start_time:g} s and {chunk.end_time:g} s"
        " could be decoded; at least 4 are needed."
    )
    return PermanentError(ErrorCode.CHUNK_NO_FRAMES, message)
