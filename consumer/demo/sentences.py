"""The words of the demo's world: what there is, what can happen, and how it is said as lines and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

Colour = Literal["red", "orange", "yellow", "green", "cyan", "blue", "purple", "white"]
Shape = Literal["circle", "square", "triangle", "star"]
Side = Literal["left", "right", "top", "bottom"]
Verb = Literal["enters", "leaves", "stops", "moves", "turns"]

COLOURS: tuple[Colour, ...] = get_args(Colour)
SHAPES: tuple[Shape, ...] = get_args(Shape)
SIDES: tuple[Side, ...] = get_args(Side)
VERBS: tuple[Verb, ...] = get_args(Verb)

NOTHING = "nothing happens"
GAPS_LABEL = "Not described"
"""With these words the consumer names missing times, in the prompt of a merge and at the end of its answer."""

_LINE = re.compile(r"^\[(?P<time>\d+(?:\.\d+)?)s\] (?P<what>.+)$")
_MARKER = re.compile(r"^marker (?P<number>\d\d)$")
_GAPS = re.compile(rf"^{GAPS_LABEL}: (?P<spans>.+)\.$")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)s-(\d+(?:\.\d+)?)s")
_EVENT = re.compile(
    rf"^(?:an?|the) (?P<colour>{'|'.join(COLOURS)}) (?P<shape>{'|'.join(SHAPES)}) "
    rf"(?:(?P<enters>enters) from the (?P<origin>{'|'.join(SIDES)})"
    rf"|(?P<leaves>leaves) to the (?P<goal>{'|'.join(SIDES)})"
    rf"|(?P<stops>stops)|(?P<moves>moves) on|(?P<turns>turns) (?P<new>{'|'.join(COLOURS)}))$"
)

Gap = tuple[float, float]


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
    """One line of an answer: `time` in seconds as it stands there, with one decimal."""

    time: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer taken apart.

    Args:
        other: the lines that are no event, no marker, no gaps and not `nothing happens`.
        gaps: [start, end] seconds that the answer says are missing.
    """

    marker: int | None
    told: tuple[Told, ...]
    other: tuple[str, ...]
    gaps: tuple[Gap, ...] = ()


def event_of(told: Told) -> Event | None:
    """The event that a line tells; None: it is no sentence of this world."""
    match = _EVENT.match(told.sentence)
    if match is None:
        return None
    verb = next(verb for verb in VERBS if match[verb])
    event = Event(
        told.time,
        verb,
        match["colour"],  # type: ignore[arg-type]
        match["shape"],  # type: ignore[arg-type]
        match["origin"] or match["goal"],  # type: ignore[arg-type]
        match["new"],  # type: ignore[arg-type]
    )
    # An article of the wrong kind is another sentence.
    return event if event.sentence == told.sentence else None


def as_lines(answer: Answer) -> str:
    """The answer as text, one line an event."""
    lines = [] if answer.marker is None else [f"marker {answer.marker:02d}"]
    lines += [f"[{told.time:.1f}s] {told.sentence}" for told in answer.told] or [NOTHING]
    if answer.gaps:
        lines.append(gaps_line(answer.gaps))
    return "\n".join([*lines, *answer.other])


def as_json(answer: Answer) -> str:
    """The answer as a JSON object without blanks between its parts; `other` has no place in it."""
    marker = "" if answer.marker is None else f'"marker":"{answer.marker:02d}",'
    events = ",".join(f'{{"t":{told.time:.1f},"what":{json.dumps(told.sentence)}}}' for told in answer.told)
    gaps = ",".join(f"[{start:.1f},{end:.1f}]" for start, end in answer.gaps)
    return f'{{{marker}"events":[{events}]' + (f',"gaps":[{gaps}]}}' if answer.gaps else "}")


def gaps_line(gaps: Sequence[Gap]) -> str:
    """Missing times in words, as the consumer writes them."""
    return f"{GAPS_LABEL}: {', '.join(f'{start:.1f}s-{end:.1f}s' for start, end in gaps)}."


def parse(text: str) -> Answer:
    """Take a model's answer apart: a JSON object, or line by line."""
    found = _object(text)
    if found is not None:
        return _from_object(found)
    marker: int | None = None
    told: list[Told] = []
    other: list[str] = []
    gaps: list[Gap] = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if match := _LINE.match(line):
            told.append(Told(float(match["time"]), match["what"]))
        elif match := _MARKER.match(line):
            marker = int(match["number"])
        elif (match := _GAPS.match(line)) and (spans := _SPAN.findall(match["spans"])):
            gaps += [(float(start), float(end)) for start, end in spans if (float(start), float(end)) not in gaps]
        elif line != NOTHING:
            other.append(line)
    return Answer(marker, tuple(told), tuple(other), tuple(gaps))


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _from_object(found: dict[str, Any]) -> Answer:
    """What does not have the form of an answer stands in `other`, as JSON."""
    events = found.get("events", [])
    told: list[Told] = []
    other: list[str] = []
    for event in events if isinstance(events, list) else [events]:
        match event:
            case {"t": int() | float() as time, "what": str() as what}:
                told.append(Told(float(time), what))
            case _:
                other.append(json.dumps(event))
    gaps: list[Gap] = []
    spans = found.get("gaps", [])
    for span in spans if isinstance(spans, list) else [spans]:
        match span:
            case [int() | float() as start, int() | float() as end]:
                gaps.append((float(start), float(end)))
            case _:
                other.append(json.dumps(span))
    number = found.get("marker")
    marker = int(number) if isinstance(number, str) and re.fullmatch(r"[0-9]{2}", number) else None
    return Answer(marker, tuple(told), tuple(other), tuple(gaps))
