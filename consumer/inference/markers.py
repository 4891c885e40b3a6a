"""Clips with a number in the corner, by which the answers about them can be told apart (numpy alone)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.inference.engine import Clip

SIZE = 192
"""Pixels; a multiple of 32, and what the demo's small model knows."""

CLIP_FPS = 2.0

START_TIME = 40.0
"""Seconds: not zero, so that times of the source and of the chunk differ."""

NUMBERS, PAIRS = (17, 58), (2, 3)
"""The numbers shown, and how many pairs of frames each: little enough for the least MAX_MODEL_LEN that can be set."""

_DIGIT_HEIGHT, _DIGIT_WIDTH, _STROKE = 20, 12, 3
_TOP, _LEFT, _PADDING = 4, 4, 4
# Rows and columns of the seven segments: a top, b upper right, c lower right, d bottom, e lower left, f upper left, g.
_SEGMENTS: dict[str, tuple[slice, slice]] = {
    "a": (slice(0, _STROKE), slice(None)),
    "b": (slice(0, 10), slice(_DIGIT_WIDTH - _STROKE, None)),
    "c": (slice(10, None), slice(_DIGIT_WIDTH - _STROKE, None)),
    "d": (slice(_DIGIT_HEIGHT - _STROKE, None), slice(None)),
    "e": (slice(10, None), slice(0, _STROKE)),
    "f": (slice(0, 10), slice(0, _STROKE)),
    "g": (slice(9, 11), slice(None)),
}
_DIGITS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")


def put_number(picture: NDArray[np.float64] | NDArray[np.uint8], number: int) -> None:
    """Draw a number of two digits into the upper left corner, white on black, as on a clock.

    Args:
        picture: shape [H, W, 3], RGB from 0 to 255.
        number: 0 to 99.
    """
    height = _DIGIT_HEIGHT + 2 * _PADDING
    width = 2 * _DIGIT_WIDTH + 3 * _PADDING
    box = picture[_TOP : _TOP + height, _LEFT : _LEFT + width]
    box[:] = 0
    for place, digit in enumerate(divmod(number, 10)):
        left = _PADDING + place * (_DIGIT_WIDTH + _PADDING)
        glyph = box[_PADDING : _PADDING + _DIGIT_HEIGHT, left : left + _DIGIT_WIDTH]
        for segment in _DIGITS[digit]:
            rows, columns = _SEGMENTS[segment]
            glyph[rows, columns] = 255


def numbered_picture(number: int) -> NDArray[np.uint8]:
    """A grey picture with this number in its corner, uint8 [SIZE, SIZE, 3]."""
    picture = np.full((SIZE, SIZE, 3), 60 + number, np.uint8)
    put_number(picture, number)
    return picture


def numbered_clip(number: int, pairs: int, start: float) -> Clip:
    """So many pairs of frames of that picture, as if they began at `start` (s)."""
    count = 2 * pairs
    times = tuple(start + frame / CLIP_FPS for frame in range(count))
    return Clip(np.repeat(numbered_picture(number)[None], count, axis=0), times, start)


@dataclass(frozen=True, slots=True, eq=False)
class Marker:
    """A clip that can be told from others by the number in its corner, and by its length."""

    number: int
    shown: Clip

    @property
    def clip(self) -> Clip:
        """Another one each time: an engine may keep what it makes of a clip in its place."""
        return Clip(self.shown.pixels, self.shown.times, self.shown.start_time)


def drawn_markers() -> tuple[Marker, ...]:
    """One for each of NUMBERS, as if it began at START_TIME."""
    return tuple(
        Marker(number, numbered_clip(number, pairs, START_TIME)) for number, pairs in zip(NUMBERS, PAIRS, strict=True)
    )
