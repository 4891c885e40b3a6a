"""The script of a demo video: what is to be seen and what happens when, drawn from a seed (pure).

The rules, which the small model relies on:
* at most one event in each second, none in the first one and none after the last whole second;
* no two things in view at about the same time that could be taken for each other (same shape, a colour in common);
* at most three things at once, which never touch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from consumer.demo.sentences import Event
from consumer.demo.thing import Thing, random_thing

MIN_SECONDS = 10
MAX_AT_ONCE = 3
FIRST_SECOND = 3
"""The first second at which something may happen: the picture is empty at its beginning."""

THINGS_PER_SECOND = 0.15
_TRIES_PER_THING = 60
_NEAR_SECONDS = 3.0
_CROWD_SECONDS = 1.0
_GAP = 1.05
_STEP = 0.1

# Distances of colours are sums over the three channels.
PALETTE: dict[str, tuple[int, int, int]] = {
    "red": (220, 30, 30),
    "orange": (255, 140, 10),
    "yellow": (250, 230, 40),
    "green": (30, 170, 50),
    "cyan": (40, 220, 230),
    "blue": (40, 70, 235),
    "purple": (165, 45, 205),
    "white": (245, 245, 245),
}
_LEAST_CONTRAST = 150.0


@dataclass(frozen=True, slots=True)
class Background:
    """A gradient between two RGB colours (0 to 255) in the direction of `angle`, radians."""

    one: tuple[float, float, float]
    other: tuple[float, float, float]
    angle: float


@dataclass(frozen=True, slots=True)
class Script:
    """A whole video before it is drawn; `marker` is the two-digit number in its corner."""

    seconds: int
    marker: int
    background: Background
    things: tuple[Thing, ...]

    @property
    def events(self) -> tuple[Event, ...]:
        """All that happens, in order of time."""
        return tuple(sorted((event for thing in self.things for event in thing.events()), key=lambda one: one.time))


def write_script(seed: int, seconds: int) -> Script:
    """The script of a seed and a length; the same for ever.

    Raises:
        ValueError: fewer than MIN_SECONDS seconds.
    """
    if seconds < MIN_SECONDS:
        raise ValueError(f"A video of the demo has at least {MIN_SECONDS} seconds.")
    rng = np.random.default_rng(seed)
    background = random_background(rng)
    marker = int(rng.integers(100))
    things: list[Thing] = []
    wanted = max(1, round(seconds * THINGS_PER_SECOND))
    for _ in range(wanted * _TRIES_PER_THING):
        if len(things) == wanted:
            break
        thing = random_thing(rng, int(rng.integers(FIRST_SECOND, seconds - 1)))
        if thing is not None and thing.leaves < seconds and thing.appears > 0 and fits(thing, things):
            things.append(thing)
    return Script(seconds, marker, background, tuple(sorted(things, key=lambda one: one.enters)))


def fits(thing: Thing, others: Sequence[Thing], most: int = MAX_AT_ONCE) -> bool:
    """Whether the rules allow the thing beside the others, with at most `most` in view at once."""
    near = [other for other in others if _within(thing, other, _NEAR_SECONDS)]
    taken = {second for other in near for second in other.seconds}
    if not taken.isdisjoint(thing.seconds):
        return False
    if any(other.shape == thing.shape and other.colours & thing.colours for other in near):
        return False
    return not _crowded(thing, near, most) and not any(_touch(thing, other) for other in near)


def _within(one: Thing, other: Thing, seconds: float) -> bool:
    return one.appears < other.disappears + seconds and other.appears < one.disappears + seconds


def _crowded(thing: Thing, others: list[Thing], most: int) -> bool:
    """Whether there would be more than `most` at once, counted each time one more of them is about to appear."""
    spans = [(one.appears - _CROWD_SECONDS, one.disappears + _CROWD_SECONDS) for one in (thing, *others)]
    first, last = spans[0]
    moments = [start for start, _ in spans if first <= start <= last]
    return any(sum(start <= moment <= end for start, end in spans) > most for moment in moments)


def _touch(one: Thing, other: Thing) -> bool:
    first, last = max(one.appears, other.appears), min(one.disappears, other.disappears)
    least = _GAP * (one.radius + other.radius)
    moments = np.arange(first, last + _STEP, _STEP, dtype=np.float64)
    apart = one.positions(moments) - other.positions(moments)
    return bool((np.hypot(apart[:, 0], apart[:, 1]) < least).any())


def random_background(rng: np.random.Generator) -> Background:
    """Dull enough that every colour of the palette stands out from it."""
    palette = np.array(list(PALETTE.values()), dtype=np.float64)
    while True:
        base = rng.uniform(10, 200, 3)
        base = base.mean() + (base - base.mean()) * rng.uniform(0, 0.55)
        other = np.clip(base + rng.uniform(-35, 35, 3), 0, 215)
        contrast = min(float(np.abs(palette - one).sum(axis=1).min()) for one in (base, other))
        if contrast > _LEAST_CONTRAST:
            return Background(_rgb(base), _rgb(other), float(rng.uniform(0, 2 * np.pi)))


def _rgb(colour: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float, float]:
    red, green, blue = (float(channel) for channel in colour)
    return red, green, blue
