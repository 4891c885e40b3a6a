"""Decoded frames as RGB pixels of the planned size."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from consumer.media.rgb import RgbConverter


class PixelBuffer:
    """Rows of RGB pixels, scaled and turned as they come in: no frame exists in full size and in RGB.

    Args:
        pixels: where they go, uint8 [T, H, W, 3], as shown.
        rotation: degrees clockwise, a multiple of 90.
        converter: of the video that is decoded.
    """

    def __init__(self, pixels: NDArray[np.uint8], rotation: int, converter: RgbConverter) -> None:
        self._pixels, self._converter = pixels, converter
        _, height, width, _ = pixels.shape
        self._stored_size = (height, width) if rotation % 180 else (width, height)
        self._quarter_turns = -rotation // 90
        self.used = 0

    def add(self, frame: VideoFrame) -> None:
        made = self._converter.rgb(frame, *self._stored_size)
        self._pixels[self.used] = np.rot90(made, self._quarter_turns) if self._quarter_turns else made
        self.used += 1
