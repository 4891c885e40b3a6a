"""Draws a script's frames with numpy alone: a gradient, the marker, and the things with soft edges."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from consumer.demo.sentences import Shape
from consumer.demo.thing import SIZE, Thing
from consumer.demo.world import PALETTE, Background, Script

Frame = NDArray[np.uint8]
Plane = NDArray[np.float64]

_DIGIT_HEIGHT, _DIGIT_WIDTH, _STROKE = 20, 12, 3
_MARKER_TOP, _MARKER_LEFT, _MARKER_PADDING = 4, 4, 4
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


def frames(script: Script, fps: int) -> Iterator[Frame]:
    """All frames of the video in order, each uint8 of shape [SIZE, SIZE, 3], RGB; frame k shows the time k / fps."""
    empty = _gradient(script.background)
    for number in range(script.seconds * fps):
        picture = empty.copy()
        for thing in script.things:
            if thing.visible(number / fps):
                _draw(picture, thing, number / fps)
        _put_marker(picture, script.marker)
        yield np.clip(np.round(picture), 0, 255).astype(np.uint8)


def distance(shape: Shape, x: Plane, y: Plane, radius: float) -> Plane:
    """Signed distance in pixels, about, from the shape's edge: negative inside. (x, y) from its centre, y downwards."""
    match shape:
        case "circle":
            return np.asarray(np.hypot(x, y) - 0.92 * radius)
        case "square":
            return np.asarray(np.maximum(np.abs(x), np.abs(y)) - 0.74 * radius)
        case "triangle":
            lower = y - 0.12 * radius
            slope = (np.sqrt(3) * np.abs(x) - lower) / 2
            return np.asarray(np.maximum(slope, lower) - radius / 2)
        case "star":
            return _star(x, y, radius)


def _star(x: Plane, y: Plane, radius: float) -> Plane:
    """Five points upwards: each tenth of the circle is folded on one edge, from a tip to the notch beside it."""
    fifth = 2 * np.pi / 5
    angle = np.abs(np.mod(np.arctan2(x, -y) + fifth / 2, fifth) - fifth / 2)
    reach = np.hypot(x, y)
    along, aside = reach * np.cos(angle), reach * np.sin(angle)
    edge_along = 0.45 * radius * np.cos(np.pi / 5) - radius
    edge_aside = 0.45 * radius * np.sin(np.pi / 5)
    return np.asarray(
        ((along - radius) * edge_aside - aside * edge_along) / np.hypot(edge_along, edge_aside), dtype=np.float64
    )


def _gradient(background: Background) -> Plane:
    middle = np.arange(SIZE) + 0.5 - SIZE / 2
    along = (middle[None, :] * np.cos(background.angle) + middle[:, None] * np.sin(background.angle)) / SIZE
    share = np.clip(0.7 * along + 0.5, 0, 1)[..., None]
    return np.asarray(np.array(background.one) * (1 - share) + np.array(background.other) * share)


def _draw(picture: Plane, thing: Thing, time: float) -> None:
    """Only the square around the thing is touched: that is what makes numpy quick enough here."""
    across, down = (float(one) for one in thing.position(time))
    reach = thing.radius + 2
    left, right = max(0, int(across - reach)), min(SIZE, int(across + reach) + 1)
    top, bottom = max(0, int(down - reach)), min(SIZE, int(down + reach) + 1)
    if left >= right or top >= bottom:
        return
    dx, dy = (np.arange(left, right) + 0.5 - across)[None, :], (np.arange(top, bottom) + 0.5 - down)[:, None]
    cos, sin = np.cos(thing.rotation), np.sin(thing.rotation)
    edge = distance(thing.shape, dx * cos + dy * sin, dy * cos - dx * sin, thing.radius)
    cover = np.clip(0.5 - edge, 0, 1)[..., None]
    part = picture[top:bottom, left:right]
    part += (np.array(PALETTE[thing.colour_at(time)]) - part) * cover


def _put_marker(picture: Plane, marker: int) -> None:
    height = _DIGIT_HEIGHT + 2 * _MARKER_PADDING
    width = 2 * _DIGIT_WIDTH + 3 * _MARKER_PADDING
    box = picture[_MARKER_TOP : _MARKER_TOP + height, _MARKER_LEFT : _MARKER_LEFT + width]
    box[:] = 0
    for place, digit in enumerate(divmod(marker, 10)):
        left = _MARKER_PADDING + place * (_DIGIT_WIDTH + _MARKER_PADDING)
        glyph = box[_MARKER_PADDING : _MARKER_PADDING + _DIGIT_HEIGHT, left : left + _DIGIT_WIDTH]
        for segment in _DIGITS[digit]:
            rows, columns = _SEGMENTS[segment]
            glyph[rows, columns] = 255
