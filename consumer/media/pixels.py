"""Decoded frames as RGB pixels of the planned size."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray


class PixelBuffer:
    """Rows of RGB pixels, scaled and turned as they come in: no frame exists in full size and in RGB.

    Args:
        pixels: where they go, uint8 [T, H, W, 3], as shown.
        rotation: degrees clockwise, a multiple of 90.
    """

    def __init__(self, pixels: NDArray[np.uint8], rotation: int) -> None:
        self._pixels = pixels
        _, height, width, _ = pixels.shape
        self._stored_size = (height, width) if rotation % 180 else (width, height)
        self._quarter_turns = -rotation // 90
        self._reformatter = VideoReformatter()
        self.used = 0

    def add(self, frame: VideoFrame) -> None:
        width, height = self._stored_size
        # One scaler for all frames: making one anew for each costs milliseconds. No threads: chunks run side by side.
        made = self._reformatter.reformat(frame, width, height, "rgb24", interpolation="BICUBIC", threads=1)
        array = made.to_ndarray()
        self._pixels[self.used] = np.rot90(array, self._quarter_turns) if self._quarter_turns else array
        self.used += 1
