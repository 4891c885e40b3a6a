"""Small pictures of single moments, for people to look at."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from consumer.media.chunks import Chunk
from consumer.media.frame_size import best_size
from consumer.media.frames import MIN_FRAMES, FramePlan
from consumer.media.info import MediaInfo

QUALITY = 6
"""Of JPEG as FFmpeg counts it: 2 is best, 31 worst."""

# So close together that all of them mean one frame.
_SPACING = 1e-4


def picture_plan(info: MediaInfo, index: int, seconds: float, cells: int) -> FramePlan:
    """A plan whose frames are all the one on show at that moment, so that one frame is decoded.

    Args:
        seconds: of source time.
        cells: of 32 x 32 pixels, at most.
    """
    size = best_size(info.width, info.height, cells)
    return FramePlan(
        chunk=Chunk(index, seconds, seconds + MIN_FRAMES * _SPACING),
        times=tuple(seconds + number * _SPACING for number in range(MIN_FRAMES)),
        width=size.width,
        height=size.height,
        fps=1 / _SPACING,
        vision_tokens=MIN_FRAMES // 2 * size.cells,
        degraded=(),
        keyframes_only=False,
    )


def jpeg(pixels: NDArray[np.uint8], width: int, height: int) -> bytes:
    """The picture as a JPEG file of that size, in pixels.

    Args:
        pixels: uint8 [H, W, 3], RGB.
    """
    # Imported here: processes that make no picture need no library for it.
    import av

    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height = width, height
    codec.pix_fmt, codec.time_base = "yuvj420p", Fraction(1, 1)
    codec.qmin = codec.qmax = QUALITY
    # Or each picture would name the library that wrote it.
    codec.flags |= av.codec.context.Flags.bitexact
    made = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    frame = made.reformat(width, height, "yuvj420p")
    frame.pts = 0
    return b"".join(bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None)))
