"""A job's texts as cues, each with its seconds of the source (pure).

A chunk whose answer is JSON with a list of timed events gives a cue an event; any other described chunk gives one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from consumer.events.models import ChunkResult
from consumer.report.exports.outcome import Outcome

STARTS = ("start_time", "start", "begin", "from", "start_seconds", "time", "timestamp", "t", "at", "seconds")
ENDS = ("end_time", "end", "until", "to", "stop", "end_seconds")
TEXTS = ("text", "description", "event", "caption", "label", "title", "summary", "what", "action")
# How long an event stays on screen that has no end.
DEFAULT_SECONDS = 4.0
# Shorter ones are not seen.
SHORTEST_SECONDS = 0.1
# How far outside its chunk an event may lie: people's clocks show whole seconds.
TOLERANCE_SECONDS = 1.0

_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):([0-5]?\d(?:[.,]\d{1,3})?)")
_SECONDS = re.compile(r"(\d{1,7}(?:\.\d{1,6})?)\s?(?:s|sec|seconds)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cue:
    """Text from a second of the source to another."""

    start: float
    end: float
    text: str


def cues(outcome: Outcome) -> list[Cue]:
    """All cues in order of time; where chunks overlap, the cue of the earlier one ends where the next begins."""
    found: list[Cue] = []
    whole: list[Cue] = []
    for chunk in outcome.chunks:
        if not chunk.success:
            continue
        events = _events(chunk, relative=outcome.relative_times)
        text = (chunk.response or "").strip()
        if events:
            found += events
        elif text:
            whole.append(Cue(chunk.start_time, chunk.end_time, text))
    for index, cue in enumerate(whole):
        following = whole[index + 1].start if index + 1 < len(whole) else math.inf
        found.append(replace(cue, end=max(min(cue.end, following), cue.start + SHORTEST_SECONDS)))
    return sorted(found, key=lambda cue: (cue.start, cue.end))


def _events(chunk: ChunkResult, *, relative: bool) -> list[Cue]:
    """The timed events of a chunk; without those that another chunk shows as well, or that cannot lie in it."""
    try:
        value = json.loads(chunk.parsed) if chunk.parsed is not None else None
    except (ValueError, RecursionError):
        return []
    offset = chunk.start_time if relative else 0.0
    starts = sorted(_timed(value), key=lambda one: one[0])
    found = []
    for index, (start, end, text) in enumerate(starts):
        begin = start + offset
        if not chunk.start_time - TOLERANCE_SECONDS <= begin <= chunk.end_time + TOLERANCE_SECONDS:
            continue
        following = starts[index + 1][0] if index + 1 < len(starts) else math.inf
        until = end if end is not None and end > start else min(start + DEFAULT_SECONDS, following)
        begin = min(max(begin, chunk.start_time), chunk.end_time)
        found.append(Cue(begin, max(min(until + offset, chunk.end_time), begin + SHORTEST_SECONDS), text))
    return found


def _timed(value: object, depth: int = 0) -> Iterator[tuple[float, float | None, str]]:
    """Start, end and text of every object that has a time and a text, wherever it stands."""
    if depth > 20:
        return
    if isinstance(value, list):
        for item in value:
            yield from _timed(item, depth + 1)
    elif isinstance(value, dict):
        start = _first_time(value, STARTS)
        text = _first_text(value)
        if start is not None and text:
            yield start, _first_time(value, ENDS), text
            return
        for item in value.values():
            yield from _timed(item, depth + 1)


def _first_time(fields: dict[str, object], names: tuple[str, ...]) -> float | None:
    return next((seconds for name in names if (seconds := _seconds(fields.get(name))) is not None), None)


def _first_text(fields: dict[str, object]) -> str:
    """Under a telling name; else the texts that are no times."""
    named = next((one for name in TEXTS if isinstance(one := fields.get(name), str) and one.strip()), None)
    if named is not None:
        return named.strip()
    others = [one.strip() for one in fields.values() if isinstance(one, str) and _seconds(one) is None]
    return ", ".join(one for one in others if one)


def _seconds(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if 0 <= value < 1e7 else None
    if not isinstance(value, str):
        return None
    text = value.strip().strip("<>[]").strip()
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        hours, minutes, seconds = clock.groups()
        return int(hours or 0) * 3600.0 + int(minutes) * 60.0 + float(seconds.replace(",", "."))
    number = _SECONDS.fullmatch(text)
    return float(number[1]) if number is not None else None
