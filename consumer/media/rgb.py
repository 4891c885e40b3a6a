"""One decoded frame as a picture: RGB, of the size that was planned, without combs, and no paler than it was meant."""

from __future__ import annotations

from fractions import Fraction

import av.filter
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorTrc, VideoReformatter
from numpy.typing import NDArray

HDR = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)
"""PQ and HLG: with colours as in BT.2020, up to fifty times as bright as a page of white paper."""

UNSPECIFIED = 2
MATRICES = {0, 1, UNSPECIFIED, 4, 5, 6, 7, 9}
"""Those of FFmpeg's numbers for RGB's relation to YUV (AVColorSpace) that its scaler knows."""

ANY_CLOCK = Fraction(1, 1000)
"""A filter wants one, though it gets one frame only."""


class RgbConverter:
    """For one thread, and for as long as a video is open: FFmpeg makes its tables once, and those for HDR take seconds.

    Range and matrix of the colours are the frame's own; where it does not say, they are read as FFmpeg does, with which
    models were trained: limited range, BT.601. HDR becomes SDR (BT.709): what is as bright as white paper becomes
    white, and so does what is brighter. Interlaced frames lose their combs, and nothing where they have none.
    """

    def __init__(self) -> None:
        self._scaler, self._dimmer = VideoReformatter(), VideoReformatter()

    def rgb(self, frame: VideoFrame, width: int, height: int) -> NDArray[np.uint8]:
        """The picture, uint8 [height, width, 3]."""
        if frame.interlaced_frame:
            frame = _without_combs(frame)
        if frame.colorspace not in MATRICES:
            frame.colorspace = UNSPECIFIED
        hdr = frame.color_trc in HDR
        # No threads: chunks run side by side.
        made = self._scaler.reformat(
            frame, width, height, "rgb48le" if hdr else "rgb24", interpolation="BICUBIC", threads=1
        )
        if hdr:
            # After scaling, for each pixel costs; and HDR has these primaries, whatever the file says.
            made.color_primaries = ColorPrimaries.BT2020
            made = self._dimmer.reformat(
                made,
                format="rgb24",
                dst_color_trc=ColorTrc.BT709,
                dst_color_primaries=ColorPrimaries.BT709,
                threads=1,
            )
        return np.asarray(made.to_ndarray(), np.uint8)


def _without_combs(frame: VideoFrame) -> VideoFrame:
    """The filter gets this frame alone, for its neighbours were not decoded; so it goes by neighbouring lines."""
    if frame.format.name == "cuda":
        frame = frame.reformat(format="yuv420p", threads=1)
    graph = av.filter.Graph()
    graph.threads = 1
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=ANY_CLOCK)
    graph.link_nodes(source, graph.add("yadif"), graph.add("buffersink")).configure()
    graph.vpush(frame)
    graph.vpush(None)
    return graph.vpull()
