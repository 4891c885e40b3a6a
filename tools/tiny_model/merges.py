"""The text-only task: the answers about overlapping chunks, made one list (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from consumer.demo.sentences import COLOURS, SHAPES, SIDES, Answer, Event, Gap, Told, as_json, as_lines
from consumer.inference.merge_prompt import (
    DEFAULT_INSTRUCTION,
    INTRODUCTION,
    OVERLAP_REMARK,
    block,
    merge_prompt,
)
from tools.tiny_model.wording import DESCRIBE, HEADS, INTRODUCTIONS, JSON, MERGE, pick

_DURATIONS = (10, 12, 15, 20, 20, 20, 20, 30, 60)
_OVERLAPS = (2, 2, 2, 2, 2, 1, 0, 3, 4, 5)
_MOST_IN_VIEW = 3


@dataclass(frozen=True, slots=True)
class Part:
    """The answer about one chunk, [start, end) in seconds."""

    start: float
    end: float
    answer: Answer


@dataclass(frozen=True, slots=True)
class Merge:
    """A question without video, and its right answer.

    Args:
        told: every line of the question in order, then every line of the answer: their times tell where a line is.
    """

    prompt: str
    answer: str
    told: tuple[Told, ...]


def random_merge(rng: np.random.Generator, chunks: int, most_lines: int) -> Merge:
    """A merge of so many chunks, whose lists have at most about `most_lines` lines in all."""
    parts, gaps = _parts(rng, chunks, most_lines)
    merged = merged_answer([part.answer for part in parts], gaps)
    json_in = rng.random() < 0.15
    instruction = _instruction(rng, json_in)
    texts = [as_json(part.answer) if json_in else as_lines(part.answer) for part in parts]
    prompt = _prompt(rng, parts, texts, instruction, gaps)
    answer = as_json(merged) if "JSON" in instruction else as_lines(merged)
    return Merge(prompt, answer, (*(told for part in parts for told in part.answer.told), *merged.told))


def merged_answer(answers: Sequence[Answer], gaps: Sequence[Gap]) -> Answer:
    """What the list of all chunks is: each line once, in order of time."""
    told = {told: None for answer in answers for told in answer.told}
    marker = next((answer.marker for answer in answers if answer.marker is not None), None)
    return Answer(marker, tuple(sorted(told, key=lambda one: one.time)), (), tuple(gaps))


def _parts(rng: np.random.Generator, chunks: int, most_lines: int) -> tuple[list[Part], list[Gap]]:
    """Chunks as the consumer cuts them, each with what its frames show: nothing of its first second."""
    duration, overlap = pick(rng, _DURATIONS), pick(rng, _OVERLAPS)
    step = duration - overlap
    first = int(rng.integers(0, (1, 100, 5000, 40_000)[int(rng.choice(4, p=[0.6, 0.1, 0.15, 0.15]))]))
    spans = [(first + k * step, first + k * step + duration) for k in range(chunks)]
    spans[-1] = (spans[-1][0], spans[-1][1] + int(rng.integers(-step // 2, step // 4 + 1)))
    share = min(float(rng.uniform(0.03, 0.65)), most_lines / (chunks * duration))
    marker = int(rng.integers(100)) if rng.random() < 0.6 else None
    forgetful = rng.random() < 0.08
    events = _story(rng, first, spans[-1][1], share)
    missing = _missing(rng, chunks)
    parts = []
    for number, (start, end) in enumerate(spans):
        told = tuple(Told(time, event.sentence) for time, event in events if start + 1 <= event.time < end)
        if forgetful and number:
            told = tuple(one for one in told if one.time >= start + overlap or rng.random() < 0.6)
        if number not in missing:
            parts.append(Part(start, end, Answer(marker, told, ())))
    return parts, _gaps(spans, missing)


def _missing(rng: np.random.Generator, chunks: int) -> set[int]:
    if chunks < 2 or rng.random() >= 0.25:
        return set()
    return {int(number) for number in rng.choice(chunks, int(rng.integers(1, min(3, chunks - 1) + 1)), replace=False)}


def _gaps(spans: Sequence[tuple[float, float]], missing: set[int]) -> list[Gap]:
    """What no chunk that is there covers, as the consumer counts it."""
    gaps: list[Gap] = []
    covered = spans[0][0]
    for number, (start, end) in enumerate(spans):
        if number not in missing:
            if start > covered:
                gaps.append((covered, start))
            covered = end
    if covered < spans[-1][1]:
        gaps.append((covered, spans[-1][1]))
    return gaps


def _story(rng: np.random.Generator, first: int, last: int, share: float) -> list[tuple[float, Event]]:
    """Events with the times that chunks tell them at: at most one a second, of things that are in view."""
    place = pick(rng, (0.2, 0.2, 0.2, 0.8, float(rng.integers(10)) / 10))
    uneven = rng.random() < 0.15
    present: list[tuple[int, int]] = []
    story = []
    for second in range(first, last):
        if rng.random() < share:
            event = _next_event(rng, second, present)
            told = second + (float(rng.integers(10)) / 10 if uneven else place)
            story.append((round(told, 1), event))
    return story


def _next_event(rng: np.random.Generator, second: int, present: list[tuple[int, int]]) -> Event:
    """What happens next to the things in view (colour and shape), which it changes."""
    if not present or (len(present) < _MOST_IN_VIEW and rng.random() < 0.4):
        colour, shape = int(rng.integers(len(COLOURS))), int(rng.integers(len(SHAPES)))
        if (colour, shape) not in present:
            present.append((colour, shape))
            return Event(second, "enters", COLOURS[colour], SHAPES[shape], side=pick(rng, SIDES))
    place = int(rng.integers(len(present)))
    colour, shape = present[place]
    kind = int(rng.integers(6))
    if kind == 0:
        return Event(second, "stops", COLOURS[colour], SHAPES[shape])
    if kind == 1:
        return Event(second, "moves", COLOURS[colour], SHAPES[shape])
    other = int(rng.integers(len(COLOURS)))
    if kind == 2 and (other, shape) not in present:
        present[place] = (other, shape)
        return Event(second, "turns", COLOURS[colour], SHAPES[shape], new_colour=COLOURS[other])
    present.pop(place)
    return Event(second, "leaves", COLOURS[colour], SHAPES[shape], side=pick(rng, SIDES))


def _instruction(rng: np.random.Generator, json_in: bool) -> str:
    """Half of them as the consumer writes them; whoever says JSON in them gets JSON."""
    as_json = rng.random() < (0.5 if json_in else 0.1)
    ending = f" {pick(rng, JSON)}" if as_json else ""
    kind = rng.random()
    if kind < 0.3:
        return DEFAULT_INSTRUCTION + ending
    if kind < 0.6:
        return f"Each chunk was asked: {pick(rng, DESCRIBE)}{ending}\n{DEFAULT_INSTRUCTION}"
    return pick(rng, MERGE) + ending


def _prompt(
    rng: np.random.Generator, parts: Sequence[Part], texts: Sequence[str], instruction: str, gaps: Sequence[Gap]
) -> str:
    own = rng.random() < 0.7
    head = pick(rng, HEADS)
    blocks = [
        block(number, part.start, part.end, text)
        if own
        else f"{head.format(number, f'{part.start:.1f}', f'{part.end:.1f}')}\n{text}\n"
        for number, (part, text) in enumerate(zip(parts, texts, strict=True), 1)
    ]
    overlap = any(one.end > other.start for one, other in pairwise(parts))
    remarked = overlap and DEFAULT_INSTRUCTION not in instruction and rng.random() < 0.8
    prompt = merge_prompt(blocks, instruction, gaps, (OVERLAP_REMARK,) if remarked else ())
    return prompt if own else prompt.replace(INTRODUCTION, pick(rng, INTRODUCTIONS), 1)
