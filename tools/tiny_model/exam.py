"""The questions of an evaluation, with their right answers and how they are marked (pure)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from consumer.demo.score import Score, compare, tellable
from consumer.demo.sentences import Answer, Event, Gap, Told, as_lines, parse
from consumer.demo.world import Script, write_script
from consumer.job.coverage import find_gaps
from consumer.media.chunks import Chunk, plan_chunks
from tools.tiny_model.merges import merged_answer
from tools.tiny_model.windows import short_answer
from tools.tiny_model.wording import Question

FPS = 2.0
CHUNK_SECONDS, OVERLAP_SECONDS = 20.0, 2.0
STEP_SECONDS = int(CHUNK_SECONDS - OVERLAP_SECONDS)
CHUNKS_A_VIDEO = 10
OFFSETS = (0, 600, 7200, 39_600)
"""Seconds that are added to a video's times: as if it were a part of one so long."""
FEWEST_CHUNKS, MOST_CHUNKS = 4, 12

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "marker": {"type": "string", "pattern": "^[0-9]{2}$"},
            "events": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"t": {"type": "number"}, "what": {"type": "string"}},
                    "required": ["t", "what"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["marker", "events"],
        "additionalProperties": False,
    }
)


@dataclass(frozen=True, slots=True)
class ChunkExam:
    """A chunk of a script, and what is asked about it.

    Args:
        number: of the chunk among all of the evaluation.
        offset: seconds added to its times.
    """

    number: int
    script: Script
    chunk: Chunk
    offset: int

    @property
    def events(self) -> list[Event]:
        """What its frames show, at the script's own times."""
        return tellable(self.script.events, self.chunk.start_time, self.chunk.end_time, FPS)

    @property
    def question(self) -> Question:
        """One of them after the other."""
        kinds = tuple(Question)
        return kinds[self.number % len(kinds)]

    @property
    def right(self) -> str:
        """The answer to the question."""
        first, last = self.chunk.start_time + 1, self.chunk.end_time - 1
        things = self.script.things
        return short_answer(
            self.question,
            self.events,
            seen=sum(thing.enters <= last and thing.leaves >= first for thing in things),
            entered=sum(first <= thing.enters <= last for thing in things),
            marker=self.script.marker,
        )

    @property
    def most_at_once(self) -> int:
        """Things in view together at most."""
        moments = np.arange(self.chunk.start_time, self.chunk.end_time, 1 / FPS)
        return max(sum(thing.visible(float(moment)) for thing in self.script.things) for moment in moments)


@dataclass(frozen=True, slots=True)
class Mark:
    """How right an answer is: the lines, all of it, and (where JSON was asked) whether it is what the schema wants."""

    score: Score
    exact: bool


@dataclass(frozen=True, slots=True)
class MergeExam:
    """A job's chunks, each with its right answer, and the right answer for all."""

    number: int
    chunks: tuple[tuple[Chunk, str], ...]
    gaps: tuple[Gap, ...]
    right: Answer


def chunk_exams(count: int, seed: int) -> list[list[ChunkExam]]:
    """So many chunks by their videos; seeds of the demo are not among them."""
    exams: list[list[ChunkExam]] = []
    for first in range(0, count, CHUNKS_A_VIDEO):
        chunks = min(CHUNKS_A_VIDEO, count - first)
        script = write_script(seed * 1_000_000 + first, STEP_SECONDS * chunks + int(OVERLAP_SECONDS))
        offset = OFFSETS[len(exams) % len(OFFSETS)]
        exams.append([ChunkExam(first + chunk.index, script, chunk, offset) for chunk in _chunks(script)])
    return exams


def merge_exams(count: int, seed: int) -> list[MergeExam]:
    """So many jobs of FEWEST_CHUNKS to MOST_CHUNKS chunks; in a quarter one or two chunks are missing."""
    rng = np.random.default_rng([seed, 0x3E6])
    exams = []
    for number in range(count):
        chunks = FEWEST_CHUNKS + number % (MOST_CHUNKS - FEWEST_CHUNKS + 1)
        script = write_script(seed * 1_000_000 + 500_000 + number, STEP_SECONDS * chunks + int(OVERLAP_SECONDS))
        offset = OFFSETS[number % len(OFFSETS)]
        missing = set(rng.choice(chunks, int(rng.integers(1, 3)), replace=False)) if number % 4 == 3 else set()
        told = [(_moved(chunk, offset), _told(script, chunk, offset)) for chunk in _chunks(script)]
        there = [(chunk, answer) for chunk, answer in told if chunk.index not in missing]
        spans = [(chunk.start_time, chunk.end_time) for chunk, _ in there]
        gaps = find_gaps((float(offset), float(script.seconds + offset)), spans)
        right = merged_answer([answer for _, answer in there], gaps)
        exams.append(MergeExam(number, tuple((chunk, as_lines(one)) for chunk, one in there), gaps, right))
    return exams


def mark(text: str, exam: ChunkExam) -> Mark:
    """Mark a description, as lines or as JSON."""
    answer = parse(text)
    told = [Told(one.time - exam.offset, one.sentence) for one in answer.told]
    score, _ = compare(told, exam.events)
    score = Score(score.expected, score.told + len(answer.other), score.right)
    right = score.expected == score.told == score.right
    return Mark(score, right and answer.marker == exam.script.marker)


def merge_is_right(text: str, exam: MergeExam) -> bool:
    """Whether the list is the right one: nothing twice, nothing left out, in order, with the marker and the gaps."""
    return parse(text) == exam.right


def line_score(text: str, exam: MergeExam) -> Score:
    """Lines of a merged list that are right."""
    told, right = parse(text).told, exam.right.told
    return Score(len(right), len(told), len(set(told) & set(right)))


def summary(scores: Sequence[Mark]) -> dict[str, Any]:
    """Figures of many marks."""
    total = sum((one.score for one in scores), Score(0, 0, 0))
    return {
        "answers": len(scores),
        "events": total.expected,
        "recall": round(total.recall, 5),
        "precision": round(total.precision, 5),
        "exact": share([one.exact for one in scores]),
    }


def share(values: Sequence[bool]) -> float | None:
    """Of those that are true; None: there are none."""
    return round(sum(values) / len(values), 5) if values else None


def _chunks(script: Script) -> tuple[Chunk, ...]:
    return plan_chunks(
        duration=float(script.seconds),
        chunk_duration=CHUNK_SECONDS,
        chunk_overlap=OVERLAP_SECONDS,
        start_time=0.0,
        end_time=None,
    )


def _moved(chunk: Chunk, offset: int) -> Chunk:
    return Chunk(chunk.index, chunk.start_time + offset, chunk.end_time + offset)


def _told(script: Script, chunk: Chunk, offset: int) -> Answer:
    """The right answer about a chunk: the time of an event is the stamp of the pair that shows it first."""
    events = tellable(script.events, chunk.start_time, chunk.end_time, FPS)
    told = tuple(Told(float(f"{round(event.time + 0.1) + offset + 0.25:.1f}"), event.sentence) for event in events)
    return Answer(script.marker, told, ())
