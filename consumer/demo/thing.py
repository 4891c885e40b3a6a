"""One thing of the demo's world: where it is and which colour it has at any time, and what happens to it (pure).

Everything happens a tenth of a second before a whole second. With two frames a second, sampled from a whole second on,
the model sees pairs of frames of one second each, and an event then lies between two pairs, never inside one: that is
what the small model was trained on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from consumer.demo.sentences import COLOURS, SHAPES, SIDES, Colour, Event, Shape, Side

SIZE = 192
"""Edge of the picture, pixels."""
EARLY = 0.1
"""Seconds by which an event comes before its whole second."""

MIN_RADIUS, MAX_RADIUS = 18.0, 28.0
MIN_SPEED, MAX_SPEED = 38.0, 100.0
_MARGIN = 4.0
# Room for the marker in the upper left corner.
_MARKER_DOWN, _MARKER_ACROSS = 34.0, 44.0
_PATH_TRIES = 9

Point = NDArray[np.float64]
Path = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pause:
    """The thing stands still from one whole second to another."""

    stops: int
    moves: int


@dataclass(frozen=True, slots=True)
class Turn:
    """The thing changes its colour."""

    second: int
    colour: Colour


# Without slots: what follows from the fields is worked out once, since scripts are drawn by trial.
@dataclass(frozen=True)
class Thing:
    """A shape that crosses the picture on a straight line at an even speed.

    Args:
        radius: of the circle around it, pixels.
        rotation: radians.
        start, end: its centre (x, y) just outside of the picture, pixels.
        enters: the whole second at which it is fully in view (for the first time).
        leaves: the whole second at which it is out of view.
    """

    shape: Shape
    colour: Colour
    radius: float
    rotation: float
    origin: Side
    goal: Side
    start: tuple[float, float]
    end: tuple[float, float]
    enters: int
    leaves: int
    pause: Pause | None = None
    turn: Turn | None = None

    @cached_property
    def length(self) -> float:
        """Pixels from start to end."""
        return math.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1])

    @cached_property
    def inward(self) -> float:
        """Pixels of its way until it is fully in view."""
        axis = 0 if self.origin in ("left", "right") else 1
        across = abs(self.end[axis] - self.start[axis])
        return 2 * self.radius * self.length / max(across, 1e-6)

    @cached_property
    def speed(self) -> float:
        """Pixels a second, while it moves."""
        standing = self.pause.moves - self.pause.stops if self.pause is not None else 0
        return (self.length - self.inward) / (self.leaves - self.enters - standing)

    @cached_property
    def appears(self) -> float:
        """When its first pixel is in view, seconds."""
        return self.enters - EARLY - self.inward / self.speed

    @property
    def disappears(self) -> float:
        """When its last pixel is out of view, seconds."""
        return self.leaves - EARLY

    @property
    def colours(self) -> set[Colour]:
        """All that it ever has."""
        return {self.colour, self.turn.colour} if self.turn is not None else {self.colour}

    @cached_property
    def seconds(self) -> list[int]:
        """The whole seconds at which something happens to it."""
        return [round(event.time + EARLY) for event in self.events()]

    def position(self, time: float) -> Point:
        """Its centre (x, y) in pixels."""
        return np.asarray(self.positions(np.array([time]))[0])

    def positions(self, times: NDArray[np.float64]) -> Path:
        """Its centre at each of the times: shape [T, 2], pixels."""
        moved = np.minimum(np.maximum(times, self.appears), self.disappears) - self.appears
        if self.pause is not None:
            standing = float(self.pause.moves - self.pause.stops)
            moved = moved - np.minimum(np.maximum(times - (self.pause.stops - EARLY), 0.0), standing)
        share = np.minimum(np.maximum(self.speed * moved / self.length, 0.0), 1.0)[:, None]
        start, end = np.array(self.start), np.array(self.end)
        return np.asarray(start + (end - start) * share)

    def colour_at(self, time: float) -> Colour:
        """Its colour."""
        return self.turn.colour if self.turn is not None and time >= self.turn.second - EARLY else self.colour

    def visible(self, time: float) -> bool:
        """Whether any of it is in view."""
        return self.appears < time < self.disappears

    def events(self) -> list[Event]:
        """What happens to it, in order of time."""

        def event(second: int, **values: object) -> Event:
            time = round(second - EARLY, 3)
            # A turn takes effect at its own time: its sentence names the colour before.
            before = self.colour if self.turn is None or second <= self.turn.second else self.turn.colour
            return Event(time, colour=before, shape=self.shape, **values)  # type: ignore[arg-type]

        events = [event(self.enters, verb="enters", side=self.origin)]
        if self.pause is not None:
            events += [event(self.pause.stops, verb="stops"), event(self.pause.moves, verb="moves")]
        if self.turn is not None:
            events.append(event(self.turn.second, verb="turns", new_colour=self.turn.colour))
        events.append(event(self.leaves, verb="leaves", side=self.goal))
        return sorted(events, key=lambda one: one.time)

    def allowed(self) -> bool:
        """Whether the model can tell all that happens: its speed, its way into view, where it stops and turns."""
        seconds = self.seconds
        return (
            MIN_SPEED - 8 < self.speed < MAX_SPEED + 15
            and self.inward < 0.6 * self.length
            and len(set(seconds)) == len(seconds)
            # Still all of it at the second frame of the pair that shows it first: the shape must be seen then.
            and self._inside(self.enters + 0.5, self.radius - 1)
            and (self.pause is None or self._inside(self.pause.stops - EARLY, self.radius + 1))
            and (
                self.turn is None
                or all(self._inside(self.turn.second - EARLY + step, -0.2 * self.radius) for step in (-0.6, 0.0, 0.6))
            )
        )

    def _inside(self, time: float, margin: float) -> bool:
        position = self.position(time)
        return bool((position > margin).all() and (position < SIZE - margin).all())


def random_thing(rng: np.random.Generator, second: int) -> Thing | None:
    """A thing that enters at that second, or None where what was drawn is not allowed."""
    radius = float(rng.uniform(MIN_RADIUS, MAX_RADIUS))
    origin = SIDES[int(rng.integers(4))]
    opposite = SIDES[SIDES.index(origin) ^ 1]
    others = [side for side in SIDES if side != origin]
    goal = opposite if rng.random() < 0.6 else others[int(rng.integers(3))]
    start, end = _way(rng, origin, goal, radius)
    across = math.hypot(end[0] - start[0], end[1] - start[1]) - 2 * radius
    fewest, most = max(1, math.ceil(across / MAX_SPEED)), max(1, int(across / MIN_SPEED))
    moving = int(rng.integers(fewest, max(fewest, most) + 1))
    pause = _pause(rng, second, moving)
    leaves = second + moving + (pause.moves - pause.stops if pause is not None else 0)
    colour = COLOURS[int(rng.integers(8))]
    thing = Thing(
        shape=SHAPES[int(rng.integers(4))],
        colour=colour,
        radius=radius,
        rotation=float(rng.uniform(-0.25, 0.25)),
        origin=origin,
        goal=goal,
        start=start,
        end=end,
        enters=second,
        leaves=leaves,
        pause=pause,
        turn=_turn(rng, second, leaves, colour),
    )
    return thing if thing.allowed() else None


def _way(
    rng: np.random.Generator, origin: Side, goal: Side, radius: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """A long enough way between two sides; the last one drawn where none is (a rule then refuses the thing)."""
    for _ in range(_PATH_TRIES):
        start, end = _edge(rng, origin, radius), _edge(rng, goal, radius)
        if math.hypot(end[0] - start[0], end[1] - start[1]) > 110 + 2 * radius:
            break
    return start, end


def _edge(rng: np.random.Generator, side: Side, radius: float) -> tuple[float, float]:
    far = SIZE - radius - _MARGIN
    if side in ("left", "right"):
        near = radius + (_MARKER_DOWN if side == "left" else _MARGIN)
        return (-radius if side == "left" else SIZE + radius), float(rng.uniform(near, far))
    near = radius + (_MARKER_ACROSS if side == "top" else _MARGIN)
    return float(rng.uniform(near, far)), (-radius if side == "top" else SIZE + radius)


def _pause(rng: np.random.Generator, enters: int, moving: int) -> Pause | None:
    if moving < 3 or rng.random() >= 0.4:
        return None
    stops = enters + int(rng.integers(1, moving))
    return Pause(stops, stops + int(rng.integers(2, 7)))


def _turn(rng: np.random.Generator, enters: int, leaves: int, colour: Colour) -> Turn | None:
    if leaves - enters < 4 or rng.random() >= 0.35:
        return None
    others = [other for other in COLOURS if other != colour]
    return Turn(int(rng.integers(enters + 2, leaves - 1)), others[int(rng.integers(7))])
