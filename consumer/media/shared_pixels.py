"""Memory for the frames of a chunk, which a decoder fills and this process reads: no frame is copied in between."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from consumer.media.frames import FramePlan


@contextmanager
def shared_pixels(plan: FramePlan) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """A descriptor to hand on, and the pixels, uint8 [T, H, W, 3], which stay for as long as somebody holds them.

    It has no name, so nothing is left behind, whoever dies.
    """
    descriptor = os.memfd_create("frames", os.MFD_CLOEXEC)
    try:
        os.ftruncate(descriptor, plan.bytes)
        memory = mmap.mmap(descriptor, plan.bytes)
        yield descriptor, np.frombuffer(memory, np.uint8).reshape(plan.shape)
    finally:
        os.close(descriptor)
