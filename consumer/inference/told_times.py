"""The moments that an answer names, and which of them cannot be; pure.

Only what can hardly be anything but a moment of the video counts, so that a warning is worth reading: a number of
seconds or a clock time that stands in brackets, begins a line, follows a word such as "at", or is a number under a key
such as `start_time` in JSON. "For 5 seconds" is no moment, nor is a clock that somebody wears.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

TOLERANCE_SECONDS = 1.0
"""How far outside a told time may lie: stamps are means of two frames, and people's clocks show whole seconds."""

_LISTED = 5

# Bounded: two patterns that share out a long run of blanks between them take time by its square.
_GAP, _BLANKS = r"\s{0,4}", r"\s{1,4}"

_NUMBER = r"\d+(?:\.\d+)?"
# Not a time of day, and not a part of a longer number, of a date or of a word.
_CLOCK = r"(?<![\w:.])\d{1,3}:[0-5]\d(?::[0-5]\d)?(?:[.,]\d{1,3})?(?!\w|:\d|\s?[ap]\.?m\b)"
_AFTER = "later|earlier|before|after|ago|long|apart|each|per|every|intervals?|delays?|left|of"
_SECONDS = rf"(?<![\w:.]){_NUMBER}\s?(?:s|secs?|seconds)\b(?![/²^])(?!{_GAP}-?{_GAP}(?:{_AFTER})\b)"
_MOMENT = rf"(?:{_CLOCK}|{_SECONDS})"
_BARE = rf"(?<![\w:.]){_NUMBER}"
_RANGE = rf"(?:{_MOMENT}|{_BARE})\s?(?:-->|[-–—]|to|until|and)\s?{_MOMENT}"
_SPAN = rf"(?:{_RANGE}|{_MOMENT})"
_BEFORE = rf"(?:\b(?:at|from|until|till|between|t\s?=)|@){_GAP}(?:about|around|approximately|roughly|time)?{_GAP}"

_PATTERNS = tuple(
    re.compile(pattern, re.MULTILINE | re.IGNORECASE)
    for pattern in (
        rf"[<\[]\s?(?:t\s?=\s?)?(?P<span>{_SPAN})\s?[>\]]",
        rf"\(\s?(?:t\s?=\s?|at\s)?(?P<span>{_RANGE}|{_CLOCK})\s?\)",
        rf"^{_GAP}(?:[-*•|]{_BLANKS}|\d+[.)]{_BLANKS})?\**(?P<span>{_SPAN})(?=\**{_GAP}(?:[:,|–—-]|$))",
        rf"{_BEFORE}(?P<span>{_SPAN})",
        rf"\bat the (?P<span>{_NUMBER})[- ]second mark\b",
    )
)
_PART = re.compile(rf"(?P<clock>{_CLOCK})|(?P<number>{_NUMBER})", re.IGNORECASE)
_WHOLE = re.compile(
    rf"<?{_GAP}(?:(?P<clock>{_CLOCK})|(?P<number>{_NUMBER}){_GAP}(?:s|secs?|seconds?)?){_GAP}>?", re.IGNORECASE
)

_FENCE = re.compile(r"^```(?:json)?\s*\n(.*?)\n?```$", re.DOTALL)
_WORDS = re.compile(r"[a-z]+|[A-Z][a-z]*|[A-Z]+(?![a-z])")
_KEY_WORDS = frozenset({"t", "ts", "time", "timestamp", "start", "end", "begin", "at"})
_OTHER_WORDS = frozenset({"s", "sec", "secs", "second", "seconds", "in", "event", "stamp", "first", "last", "seen"})


@dataclass(frozen=True, slots=True)
class ToldTime:
    """A moment in seconds, and the words that name it."""

    seconds: float
    text: str


def told_times(text: str) -> list[ToldTime]:
    """All moments that a text names, as they come; in a JSON text, those under time-like keys and in its texts."""
    try:
        value = json.loads(_unfenced(text))
    except (ValueError, RecursionError):
        return _in_prose(text)
    return list(_in_json(value, timed=False))


def times_warning(text: str, *, start: float, end: float, prompt: str) -> str | None:
    """What is wrong with the moments that an answer names, as part of a sentence; None: nothing.

    Args:
        start, end: seconds between which they should lie, in the time that the model was shown.
        prompt: what it was asked; a moment that is named there is the asker's.
    """
    asked = {one.seconds for one in told_times(prompt)}
    told = [one for one in told_times(text) if one.seconds not in asked]
    wrong = [one for one in told if not start - TOLERANCE_SECONDS <= one.seconds <= end + TOLERANCE_SECONDS]
    if not wrong:
        return None
    names = ", ".join(dict.fromkeys(one.text for one in wrong[:_LISTED]))
    more = f" and {len(wrong) - _LISTED} more" if len(wrong) > _LISTED else ""
    return f"{len(wrong)} of {len(told)} times told lie outside {start:g} s to {end:g} s: {names}{more}"


def _unfenced(text: str) -> str:
    fenced = _FENCE.match(text.strip())
    return fenced[1] if fenced else text


def _in_prose(text: str) -> list[ToldTime]:
    spans = {match.span("span") for pattern in _PATTERNS for match in pattern.finditer(text)}
    parts = {part.span(): part for start, end in spans for part in _PART.finditer(text, start, end)}
    return [_told(parts[place]) for place in _outermost(parts)]


def _outermost(places: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Without those that lie inside another: two patterns may see the same moment."""
    reached = -1
    for start, end in sorted(places, key=lambda place: (place[0], -place[1])):
        if start >= reached:
            yield start, end
            reached = end


def _told(part: re.Match[str]) -> ToldTime:
    if part["clock"]:
        return ToldTime(_clock_seconds(part["clock"]), part["clock"])
    return ToldTime(float(part["number"]), f"{part['number']} s")


def _clock_seconds(clock: str) -> float:
    seconds = 0.0
    for part in clock.replace(",", ".").split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def _in_json(value: object, *, timed: bool) -> Iterator[ToldTime]:
    """`timed`: the value stands under a key that says it is a moment."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _in_json(item, timed=_is_time(str(key)))
    elif isinstance(value, list):
        for item in value:
            yield from _in_json(item, timed=timed)
    elif isinstance(value, str):
        whole = _WHOLE.fullmatch(value.strip())
        if whole is None:
            yield from _in_prose(value)
        elif timed:
            yield _told(whole)
    elif timed and isinstance(value, int | float) and not isinstance(value, bool):
        yield ToldTime(float(value), f"{value:g} s")


def _is_time(key: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(key)]
    return any(word in _KEY_WORDS for word in words) and all(word in _KEY_WORDS | _OTHER_WORDS for word in words)
