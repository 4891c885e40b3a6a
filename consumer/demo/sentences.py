"""The words of the demo's world: what there is, what can happen, and how it is said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Colour = Literal["red", "orange", "yellow", "green", "cyan", "blue", "purple", "white"]
Shape = Literal["circle", "square", "triangle", "star"]
Side = Literal["left", "right", "top", "bottom"]
Verb = Literal["enters", "leaves", "stops", "moves", "turns"]

COLOURS: tuple[Colour, ...] = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "white")
SHAPES: tuple[Shape, ...] = ("circle", "square", "triangle", "star")
SIDES: tuple[Side, ...] = ("left", "right", "top", "bottom")

NOTHING = "nothing happens"
_LINE = re.compile(r"^\[(?P<time>\d+(?:\.\d+)?)s\] (?P<what>.+)$")
_MARKER = re.compile(r"^marker (?P<number>\d\d)$")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to a thing.

    Args:
        time: seconds of the video.
        colour: the thing's colour until then.
        side: where it enters from or leaves to; None for other verbs.
        new_colour: what it turns to; None for other verbs.
    """

    time: float
    verb: Verb
    colour: Colour
    shape: Shape
    side: Side | None = None
    new_colour: Colour | None = None

    @property
    def sentence(self) -> str:
        """The event in the model's words, without its time."""
        name = f"{self.colour} {self.shape}"
        match self.verb:
            case "enters":
                return f"{'an' if name[0] in 'aeiou' else 'a'} {name} enters from the {self.side}"
            case "leaves":
                return f"the {name} leaves to the {self.side}"
            case "stops":
                return f"the {name} stops"
            case "moves":
                return f"the {name} moves on"
            case "turns":
                return f"the {name} turns {self.new_colour}"


@dataclass(frozen=True, slots=True)
class Told:
    """One line of an answer: `time` in seconds as it stands there."""

    time: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer taken apart; `other` are the lines that are no event, no marker and not `nothing happens`."""

    marker: int | None
    told: tuple[Told, ...]
    other: tuple[str, ...]


def parse(text: str) -> Answer:
    """Take a model's answer apart, line by line."""
    marker: int | None = None
    told: list[Told] = []
    other: list[str] = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if match := _LINE.match(line):
            told.append(Told(float(match["time"]), match["what"]))
        elif match := _MARKER.match(line):
            marker = int(match["number"])
        elif line != NOTHING:
            other.append(line)
    return Answer(marker, tuple(told), tuple(other))
