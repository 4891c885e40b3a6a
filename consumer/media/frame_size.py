"""The size of the frames that the model is shown (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass

CELL = 32
"""Pixels a side of what becomes one vision token of a pair of frames (patch 16, merged two by two)."""


@dataclass(frozen=True, slots=True)
class FrameSize:
    """A frame size in cells of 32 x 32 pixels."""

    columns: int
    rows: int

    @property
    def cells(self) -> int:
        return self.columns * self.rows

    @property
    def width(self) -> int:
        return self.columns * CELL

    @property
    def height(self) -> int:
        return self.rows * CELL


def best_size(width: int, height: int, max_cells: float) -> FrameSize:
    """The largest size of the right shape that has at most `max_cells` cells and does not enlarge the video.

    Whole cells cannot keep every aspect ratio, so a size is worth its area divided by the square of how much it
    distorts. A side shorter than one cell becomes one cell: the model takes nothing smaller.

    Args:
        width: of the video as shown, pixels.
        height: likewise.
        max_cells: at least 1; infinity: as large as the video.
    """
    most_columns, most_rows = max(1, width // CELL), max(1, height // CELL)
    aspect = width / height
    sizes = [
        FrameSize(columns, rows)
        for rows in range(1, most_rows + 1)
        for columns in _columns(rows, aspect, most_columns, max_cells)
    ]
    return max(sizes, key=lambda size: (_worth(size, aspect), size.cells))


def _columns(rows: int, aspect: float, most: int, max_cells: float) -> set[int]:
    """The widths worth a look: those around the right shape, as far as the limits let them."""
    limit = most if math.isinf(max_cells) else min(most, int(max_cells // rows))
    if limit < 1:
        return set()
    ideal = rows * aspect
    return {max(1, min(limit, math.floor(ideal))), max(1, min(limit, math.ceil(ideal)))}


def _worth(size: FrameSize, aspect: float) -> float:
    ratio = size.columns / size.rows / aspect
    return size.cells / max(ratio, 1 / ratio) ** 2
