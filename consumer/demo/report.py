"""The demo's results as text, beside what the script says (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumer.demo.score import Score, compare, tellable
from consumer.demo.sentences import Answer, Event, Told, parse
from consumer.demo.world import Script
from consumer.events.models import ChunkResult, VideoResult

_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Marked:
    """An answer beside the truth: `lines` for a person, the score, and whether the marker was read right."""

    lines: tuple[str, ...]
    score: Score
    marker_right: bool


def mark_chunk(chunk: ChunkResult, script: Script) -> Marked:
    """A chunk's answer against what happens in its frames."""
    fps = chunk.frames.fps if chunk.frames is not None else 1.0
    return _mark(chunk.response or "", tellable(script.events, chunk.start_time, chunk.end_time, fps), script.marker)


def mark_final(result: VideoResult, script: Script) -> Marked:
    """The answer for the whole video against all that happens."""
    return _mark(result.aggregated_response or "", script.events, script.marker)


def plain(text: str | None) -> list[str]:
    """An answer without a script to compare it with."""
    return [f"{_INDENT}{line}" for line in (text or "").strip().splitlines()]


def heading(chunk: ChunkResult) -> str:
    """One line about a chunk: which, what it shows, what it took."""
    shown = chunk.frames
    frames = f", {shown.count} frames of {shown.width}x{shown.height}" if shown is not None else ""
    return (
        f"chunk {chunk.chunk_index + 1} of {chunk.num_chunks}, {chunk.start_time:g} s to {chunk.end_time:g} s{frames}, "
        f"{chunk.tokens.prompt} tokens in, {chunk.tokens.completion} out, {chunk.processing_time:.1f} s"
    )


def _mark(text: str, events: Sequence[Event], marker: int) -> Marked:
    answer = parse(text)
    score, pairs = compare(answer.told, events)
    lines = [_marker_line(answer, marker)]
    lines += [_pair_line(event, told) for event, told in pairs]
    lines += [f"{_INDENT}?       {line}" for line in answer.other]
    if not pairs:
        lines.append(f"{_INDENT}right   nothing happens")
    # A line that says nothing known counts as told: it is not right.
    score = Score(score.expected, score.told + len(answer.other), score.right)
    return Marked(tuple(lines), score, answer.marker == marker)


def _marker_line(answer: Answer, marker: int) -> str:
    if answer.marker is None:
        return f"{_INDENT}missed  marker {marker:02d}"
    verdict = "right" if answer.marker == marker else "wrong"
    return f"{_INDENT}{verdict}   marker {answer.marker:02d}"


def _pair_line(event: Event | None, told: Told | None) -> str:
    truth = f"(script: {event.time:.1f} s)" if event is not None else "(not in the script)"
    if told is not None:
        verdict = "right" if event is not None else "wrong"
        return f"{_INDENT}{verdict}   [{told.time:.1f}s] {told.sentence} {truth}"
    return f"{_INDENT}missed  {event.sentence if event is not None else ''} {truth}"
