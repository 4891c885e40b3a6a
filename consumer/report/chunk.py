"""One chunk: when, what the model said or why it did not, and how it was looked at."""

from __future__ import annotations

import json

from consumer.events.models import ChunkRef, ChunkResult
from consumer.report.figures import clock, count, span
from consumer.report.markup import Markup, join, tag
from consumer.report.moments import linked
from consumer.report.summary import error_line, warnings
from consumer.report.view import View

DEEPEST = 30
"""Levels of JSON that are set out line by line; beyond, the indents would outgrow the text."""

_TOLERANCE_SECONDS = 1.0


def chunk_article(ref: ChunkRef, view: View) -> Markup:
    state = tag("span", "described", class_="badge good") if ref.success else tag("span", "failed", class_="badge bad")
    title = tag("h3", span(ref.start_time, ref.end_time), id=f"title-{ref.chunk_index}")
    number = tag("span", f"Chunk {ref.chunk_index + 1} · ", class_="faint")
    head = tag("div", title, _play(ref, view), tag("span", number, state, class_="which"), class_="head")
    chunk = view.texts.get(ref.chunk_index)
    content = _content(chunk, view) if chunk is not None else tag("p", "Its text is not at hand.", class_="faint")
    return tag(
        "article",
        head,
        content,
        class_="card chunk",
        id=f"chunk-{ref.chunk_index}",
        aria_labelledby=f"title-{ref.chunk_index}",
    )


def _play(ref: ChunkRef, view: View) -> Markup | None:
    address = view.video.at(ref.start_time)
    if address is None:
        return None
    name = f"Play from {clock(ref.start_time)}"
    return tag("a", name, href=address, target="_blank", rel="noopener noreferrer", class_="play")


def _content(chunk: ChunkResult, view: View) -> Markup:
    notes = [*chunk.degraded, *(["the answer was cut off at max_tokens"] if chunk.truncated else [])]
    return join(
        _answer(chunk, view),
        error_line(chunk.error),
        tag("p", "Reduced: " + "; ".join(notes) + ".", class_="some text") if notes else None,
        warnings(chunk.warnings),
        tag("p", _figures(chunk), class_="faint figure"),
    )


def _answer(chunk: ChunkResult, view: View) -> Markup | None:
    if chunk.parsed is not None:
        text, cut = view.cut(_set_out(chunk.parsed))
        return join(tag("pre", text, class_="words", dir="auto"), _cut(cut))
    if chunk.response is None or (not chunk.response.strip() and not chunk.success):
        return None
    if not chunk.response.strip():
        return tag("p", "The model wrote nothing.", class_="faint")
    text, cut = view.cut(chunk.response.strip())
    return join(tag("p", _with_links(text, chunk, view), class_="text words", dir="auto"), _cut(cut))


def _cut(cut: bool) -> Markup | None:
    return (
        tag("p", "The rest is left out of this page; `results --export` writes all of it.", class_="some")
        if cut
        else None
    )


def _with_links(text: str, chunk: ChunkResult, view: View) -> Markup:
    """Times that lie in the chunk lead to the place in the video."""
    if view.video.link is None:
        return join(text)
    offset = chunk.start_time if view.relative_times else 0.0

    def place(seconds: float) -> tuple[str, str] | None:
        moment = seconds + offset
        if not chunk.start_time - _TOLERANCE_SECONDS <= moment <= chunk.end_time + _TOLERANCE_SECONDS:
            return None
        address = view.video.at(moment)
        return (address, f"Play from {clock(moment)}") if address is not None else None

    return linked(text, place, view.links)


def _set_out(parsed: str) -> str:
    """JSON with a line a value; as it is where it is no JSON or too deep."""
    try:
        value = json.loads(parsed)
    except (ValueError, RecursionError):
        return parsed
    return json.dumps(value, indent=2, ensure_ascii=False) if _flat(value, DEEPEST) else parsed


def _flat(value: object, levels: int) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_flat(item, levels - 1) for item in items)


def _figures(chunk: ChunkResult) -> str:
    frames, tokens, timings = chunk.frames, chunk.tokens, chunk.timings
    parts = [f"{chunk.processing_time:.2f} s (decode {timings.decode:.2f}, generate {timings.generate:.2f})"]
    if frames is not None:
        parts.insert(0, f"{frames.count} frames of {frames.width}×{frames.height} at {frames.fps:.3g} fps")
    if tokens.prompt or tokens.completion:
        parts.append(f"{count(tokens.prompt)} tokens in, {count(tokens.completion)} out")
    return " · ".join(parts)
