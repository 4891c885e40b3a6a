"""The demo's video: frames become a real H.264 file in MP4, or it is somebody's own file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from consumer.errors import CodedError, VideoConsumerError, explained
from consumer.settings import Settings

FPS = 20
"""Frames a second: half seconds, at which the model looks, are frames of their own."""


def encode(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    *,
    fps: int = FPS,
    crf: int = 23,
    key_seconds: float = 2.0,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Write an MP4 with one H.264 stream whose first frame is at 0 s.

    Args:
        frames: uint8, shape [H, W, 3], RGB, all of one size, H and W even.
        crf: how coarse it is, from 0 to 51.
        key_seconds: from one key frame to the next.
        progress: called with the number of frames written so far.

    Raises:
        OSError: the file cannot be written.
    """
    # Imported here, so that the commands that know the demo's name need no video library.
    import av

    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(crf), "preset": "fast"}
        stream.codec_context.gop_size = round(key_seconds * fps)
        stream.codec_context.time_base = Fraction(1, fps)
        for number, pixels in enumerate(frames):
            if number == 0:
                stream.height, stream.width = pixels.shape[:2]
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            for packet in stream.encode(frame):
                container.mux(packet)
            progress(number + 1)
        for packet in stream.encode():
            container.mux(packet)


def require_video(path: Path, settings: Settings) -> None:
    """Make sure that a file is a video that can be read; vLLM, which takes a minute to start, is not needed for that.

    Raises:
        VideoConsumerError: it is not; the sentence says what it is, and what to do.
    """
    from consumer.media.library import MediaLibrary

    library = MediaLibrary.from_settings(settings)
    try:
        library.open(video_url=None, video_path=str(path)).close()
    except CodedError as error:
        raise VideoConsumerError(f"{path}: {explained(error.code, error.message)}") from None
    finally:
        library.close()
