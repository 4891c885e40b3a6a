"""The pictures show what the script says, the same each time."""

from __future__ import annotations

from itertools import islice
from typing import get_args

import numpy as np
import pytest

from consumer.demo.render import distance, frames, shown
from consumer.demo.sentences import Shape
from consumer.demo.thing import SIZE
from consumer.demo.world import PALETTE, write_script


def test_a_seed_is_a_picture() -> None:
    script = write_script(5, 12)
    first, again = (list(frames(script, 2)) for _ in range(2))
    assert len(first) == 24
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert not np.array_equal(first[0], next(frames(write_script(6, 12), 2)))


def test_pictures_at_any_times_are_those_of_the_video() -> None:
    script = write_script(5, 120)
    drawn = dict(enumerate(frames(script, 2)))
    times = [0.5, 40.0, 40.0, 97.5, 119.5]
    picked = list(shown(script, times))
    assert all(np.array_equal(one, drawn[round(2 * at)]) for one, at in zip(picked, times, strict=True))


def test_a_thing_is_seen_in_its_colour_where_it_is() -> None:
    script = write_script(3, 60)
    pictures = list(frames(script, 2))
    seen = 0
    for number, picture in enumerate(pictures):
        for thing in script.things:
            across, down = (int(one) for one in thing.position(number / 2))
            if thing.visible(number / 2) and 0 <= across < SIZE and 40 <= down < SIZE:
                assert tuple(picture[down, across]) == PALETTE[thing.colour_at(number / 2)]
                seen += 1
    assert seen > 20


def test_the_marker_is_drawn_in_seven_segments() -> None:
    script = write_script(3, 10)
    box = next(iter(frames(script, 2)))[4:32, 4:40]
    assert set(np.unique(box)) == {0, 255}
    boxes = {write_script(seed, 10).marker: next(frames(write_script(seed, 10), 2))[4:32, 4:40] for seed in range(60)}
    different = {box.tobytes() for box in boxes.values()}
    assert len(different) == len(boxes) > 20


def test_a_picture_is_bytes_of_the_worlds_size() -> None:
    (picture,) = islice(frames(write_script(1, 10), 20), 1)
    assert picture.shape == (SIZE, SIZE, 3) and picture.dtype == np.uint8


@pytest.mark.parametrize("shape", get_args(Shape))
def test_shapes_have_their_own_areas_within_their_radius(shape: Shape) -> None:
    radius = 24.0
    axis = np.arange(-39.5, 40, dtype=np.float64)
    inside = distance(shape, axis[None, :], axis[:, None], radius) < 0
    reach = np.hypot(axis[None, :], axis[:, None])[inside].max()
    assert reach <= 1.12 * radius
    share = inside.sum() / radius**2
    assert share == pytest.approx({"circle": 2.66, "square": 2.19, "triangle": 1.3, "star": 1.32}[shape], rel=0.05)
    assert np.array_equal(inside, inside[:, ::-1])
