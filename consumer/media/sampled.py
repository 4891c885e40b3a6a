"""The frames that decoding hands over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SampledFrames:
    """Frames of one chunk, ready for the model.

    Args:
        pixels: uint8 [T, H, W, 3], RGB; T is even and at least 4.
        times: when each picture is on show, seconds of source time, strictly increasing, inside the chunk: the frame's
            own time (pts), or the chunk's start for a picture that was there already. In a chunk with fewer than four
            pictures they are shown again at the planned times.
        fetch_seconds: time spent waiting for the source.
        decode_seconds: the rest.
        degraded: what could not be had although it was planned, each as part of a sentence (see `FramePlan.degraded`).
    """

    pixels: NDArray[np.uint8]
    times: tuple[float, ...]
    fetch_seconds: float
    decode_seconds: float
    degraded: tuple[str, ...] = ()
