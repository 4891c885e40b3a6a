"""Writes a small H.264 file of still pictures, to try out what reads files."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FPS = 4
"""Frames a second of the file; each second begins with a key frame."""


def write_stills(path: Path, stills: Sequence[tuple[NDArray[np.uint8], int]]) -> bool:
    """Write an MP4 whose first frame is at 0 s; False: this build of PyAV has no encoder for H.264.

    Args:
        stills: pictures, uint8 [H, W, 3], RGB, of one size, H and W even; and for how many seconds each is on show.

    Raises:
        OSError: the file cannot be written.
    """
    # Imported here: processes that read no video need no library for it.
    import av

    try:
        av.codec.Codec("libx264", "w")
    except av.codec.codec.UnknownCodecError:
        return False
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.height, stream.width = stills[0][0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "18", "preset": "veryfast"}
        stream.codec_context.gop_size = FPS
        pictures = (pixels for pixels, seconds in stills for _ in range(seconds * FPS))
        for number, pixels in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return True
