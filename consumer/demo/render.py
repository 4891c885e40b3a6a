"""Draws a script's frames with numpy alone: a gradient, the marker, and the things with soft edges."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from consumer.demo.sentences import Shape
from consumer.demo.thing import SIZE, Thing
from consumer.demo.world import PALETTE, Background, Script
from consumer.inference.markers import put_number

Frame = NDArray[np.uint8]
Plane = NDArray[np.float64]


def frames(script: Script, fps: int) -> Iterator[Frame]:
    """All frames of the video in order, each uint8 of shape [SIZE, SIZE, 3], RGB; frame k shows the time k / fps."""
    return shown(script, (number / fps for number in range(script.seconds * fps)))


def shown(script: Script, times: Iterable[float]) -> Iterator[Frame]:
    """The pictures at these times (s, not decreasing), each uint8 of shape [SIZE, SIZE, 3], RGB."""
    empty = _gradient(script.background)
    still = _bytes(empty)
    put_number(still, script.marker)
    coming = deque(sorted(script.things, key=lambda thing: thing.appears))
    present: list[Thing] = []
    for time in times:
        while coming and coming[0].appears < time:
            present.append(coming.popleft())
        present = [thing for thing in present if time < thing.disappears]
        picture = still.copy()
        if present:
            canvas = empty.copy()
            # What lies between two things is drawn twice, so all are drawn before any is taken over.
            for part in [part for thing in present if (part := _draw(canvas, thing, time)) is not None]:
                picture[part] = _bytes(canvas[part])
            put_number(picture, script.marker)
        yield picture


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


def _draw(picture: Plane, thing: Thing, time: float) -> tuple[slice, slice] | None:
    """Only the square around the thing is touched, and returned: that is what makes numpy quick enough here."""
    across, down = (float(one) for one in thing.position(time))
    reach = thing.radius + 2
    left, right = max(0, int(across - reach)), min(SIZE, int(across + reach) + 1)
    top, bottom = max(0, int(down - reach)), min(SIZE, int(down + reach) + 1)
    if left >= right or top >= bottom:
        return None
    dx, dy = (np.arange(left, right) + 0.5 - across)[None, :], (np.arange(top, bottom) + 0.5 - down)[:, None]
    cos, sin = np.cos(thing.rotation), np.sin(thing.rotation)
    edge = distance(thing.shape, dx * cos + dy * sin, dy * cos - dx * sin, thing.radius)
    cover = np.clip(0.5 - edge, 0, 1)[..., None]
    part = picture[top:bottom, left:right]
    part += (np.array(PALETTE[thing.colour_at(time)]) - part) * cover
    return slice(top, bottom), slice(left, right)


def _bytes(picture: Plane) -> Frame:
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)
