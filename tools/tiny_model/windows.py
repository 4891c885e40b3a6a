"""What the frames of one chunk show, drawn in the middle of things, and what there is to tell of it (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consumer.demo.sentences import COLOURS, SHAPES, Answer, Event, Told, as_json, as_lines
from consumer.demo.thing import EARLY, Thing, random_thing
from consumer.demo.world import MAX_AT_ONCE, Background, fits, random_background
from tools.tiny_model.wording import Question, Request

NOTHING_ENTERS = "nothing enters"
FIELDS = 7
"""Of a lane of `lanes`: x, y, radius, rotation, shape, colour (numbers), and whether something is there."""

_BEFORE = 9
_TRIES = 4
_DENSITIES = (0.03, 0.08, 0.15, 0.15, 0.2, 0.25, 0.3)


@dataclass(frozen=True, slots=True)
class Window:
    """Pairs of frames, one a second, at two frames a second.

    Args:
        start: source time of the chunk's start, seconds.
        times: source time of each frame.
        stamps: of each pair, as the processor writes them.
        happens: what can be told, with the pair that shows it first. What the first pair shows has no "before".
        seen, entered: things seen, and things that entered, up to each pair; shape [pairs].
        lanes: float32, shape [2 * pairs, MAX_AT_ONCE, FIELDS].
        marker: None: the corner is empty.
    """

    start: float
    times: tuple[float, ...]
    stamps: tuple[str, ...]
    happens: tuple[tuple[int, Event], ...]
    seen: NDArray[np.int64]
    entered: NDArray[np.int64]
    lanes: NDArray[np.float32]
    background: Background
    marker: int | None

    @property
    def pairs(self) -> int:
        return len(self.stamps)

    @property
    def span(self) -> tuple[float, float]:
        """[start, end) in seconds of source time."""
        return self.start, self.start + self.pairs


def random_window(rng: np.random.Generator, pairs: int, most: int = MAX_AT_ONCE) -> Window:
    """A window of a world in which at most `most` things are in view at once.

    Most are looked at on whole seconds, as the consumer does. For some the pictures come a little early or late, or
    each a moment before its time, as with a variable frame rate: then the stamps say so.
    """
    while True:
        things = _things(rng, pairs, most)
        times = _times(rng, pairs)
        where = lanes(things, times)
        if where is not None:
            break
    start = _start(rng)
    happens = [
        (second, event)
        for thing in things
        for second, event in zip(thing.seconds, thing.events(), strict=True)
        if 1 <= second < pairs
    ]
    seconds = np.arange(pairs)
    return Window(
        start=start,
        times=tuple(float(one) for one in start + times),
        stamps=_stamps(start + times),
        happens=tuple(sorted(happens, key=lambda one: one[0])),
        # A thing that leaves before the second pair is not there at the first.
        seen=_count(seconds, [thing.enters for thing in things if thing.leaves >= 1]),
        entered=_count(seconds, [thing.enters for thing in things if thing.enters >= 1]),
        lanes=where,
        background=random_background(rng),
        marker=int(rng.integers(100)) if rng.random() < 0.6 else None,
    )


def right_answer(window: Window, request: Request) -> str:
    """What the model shall say."""
    if request.question is not None:
        return short_answer(
            request.question,
            [event for _, event in window.happens],
            seen=int(window.seen[-1]),
            entered=int(window.entered[-1]),
            marker=window.marker,
        )
    told = tuple(Told(float(window.stamps[pair]), event.sentence) for pair, event in window.happens)
    answer = Answer(window.marker, told, ())
    return as_json(answer) if request.as_json else as_lines(answer)


def short_answer(question: Question, events: Sequence[Event], *, seen: int, entered: int, marker: int | None) -> str:
    """The answer to a question about a chunk.

    Args:
        events: what its frames show, in order.
        seen, entered: how many things are seen, and enter.
    """
    enters = next((event for event in events if event.verb == "enters"), None)
    match question:
        case Question.FIRST_COLOUR:
            return enters.colour if enters is not None else NOTHING_ENTERS
        case Question.FIRST_SHAPE:
            return enters.shape if enters is not None else NOTHING_ENTERS
        case Question.FIRST_SIDE:
            return str(enters.side) if enters is not None else NOTHING_ENTERS
        case Question.SEEN:
            return str(seen)
        case Question.ENTERED:
            return str(entered)
        case Question.STOPS:
            return "yes" if any(event.verb == "stops" for event in events) else "no"
        case Question.MARKER:
            return "none" if marker is None else f"{marker:02d}"


def _things(rng: np.random.Generator, pairs: int, most: int) -> list[Thing]:
    things: list[Thing] = []
    wanted = max(1, round((pairs + 1 + _BEFORE) * float(rng.choice(_DENSITIES))))
    for _ in range(wanted * _TRIES):
        if len(things) == wanted:
            break
        thing = random_thing(rng, int(rng.integers(-_BEFORE, pairs + 1)))
        if thing is not None and fits(thing, things, most):
            things.append(thing)
    return sorted(things, key=lambda thing: thing.appears)


def _times(rng: np.random.Generator, pairs: int) -> NDArray[np.float64]:
    """When each frame is taken, in seconds of the window; shape [2 * pairs], increasing."""
    times = np.arange(2 * pairs) / 2
    kind = rng.random()
    if kind < 0.55:
        return times
    if kind < 0.75:
        return np.asarray(times - rng.uniform(0, 0.9 * EARLY, 2 * pairs))
    # Within 0.15 s each event stays where a pair shows it; some further, which the world does not promise to be told.
    reach = 0.15 if kind < 0.92 else 0.3
    return np.asarray(times + rng.uniform(-reach, reach))


def lanes(things: Sequence[Thing], times: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """What is where in each frame; None: there would have to be more of them.

    Args:
        things: in the order in which they appear.
        times: of the frames, seconds.

    Returns:
        Shape [T, MAX_AT_ONCE, FIELDS].
    """
    made = np.zeros((len(times), MAX_AT_ONCE, FIELDS), np.float32)
    made[..., :3] = (-999, -999, 10)
    free = [-np.inf] * MAX_AT_ONCE
    for thing in things:
        lane = next((number for number, since in enumerate(free) if since < thing.appears), None)
        if lane is None:
            return None
        free[lane] = thing.disappears
        shown = (times > thing.appears) & (times < thing.disappears)
        turned = COLOURS.index(thing.turn.colour) if thing.turn is not None else 0
        turns = thing.turn.second - EARLY if thing.turn is not None else np.inf
        made[shown, lane, :2] = thing.positions(times[shown])
        made[shown, lane, 2:5] = (thing.radius, thing.rotation, SHAPES.index(thing.shape))
        made[shown, lane, 5] = np.where(times[shown] >= turns, turned, COLOURS.index(thing.colour))
        made[shown, lane, 6] = 1
    return made


def _start(rng: np.random.Generator) -> float:
    """Up to 25 hours; mostly on a whole second, since that is where chunks begin."""
    most = (10, 100, 1000, 10_000, 90_000)[int(rng.choice(5, p=[0.2, 0.2, 0.2, 0.25, 0.15]))]
    start = float(rng.integers(0, most)) if rng.random() < 0.75 else 0.0
    kind = rng.random()
    if kind < 0.65:
        return start
    return start + 0.5 if kind < 0.85 else round(start + float(rng.random()), 3)


def _stamps(times: NDArray[np.float64]) -> tuple[str, ...]:
    """The mean of each pair's times, which are told in milliseconds and never before the source's start."""
    told = [max(0, round(float(time) * 1000)) / 1000 for time in times]
    return tuple(f"{(told[k] + told[k + 1]) / 2:.1f}" for k in range(0, len(told), 2))


def _count(seconds: NDArray[np.int64], enters: list[int]) -> NDArray[np.int64]:
    return np.searchsorted(np.sort(np.array(enters, dtype=np.int64)), seconds, side="right").astype(np.int64)
