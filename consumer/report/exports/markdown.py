"""Results as Markdown. The model's own lists and emphasis stay; what could load, link or break out of its place does
not."""

from __future__ import annotations

import re

from consumer.errors import CODES
from consumer.events.models import ChunkRef, ChunkResult, ErrorInfo, VideoResult
from consumer.report.exports.outcome import Outcome
from consumer.report.figures import clock, count, moment, share, span

_FENCE = re.compile(r"^\s{0,3}(```+|~~~+)", re.MULTILINE)
_STRUCTURE = re.compile(r"^(\s{0,3})(#{1,6}(?=\s|$)|(?:=+|-{3,}|\*{3,}|_{3,})\s*$)", re.MULTILINE)


def markdown(outcome: Outcome) -> str:
    """The answer, a table of figures, and each chunk's text under its time."""
    final = outcome.final
    parts = [f"# {_inline(outcome.job_id)}"]
    parts += _head(final) if final is not None else [f"Not done: {len(outcome.chunks)} chunks are there."]
    parts.append("## Chunks")
    texts = {chunk.chunk_index: chunk for chunk in outcome.chunks}
    listed: list[ChunkRef | ChunkResult] = [*(final.chunks if final is not None else outcome.chunks)]
    for ref in sorted(listed, key=lambda one: one.chunk_index):
        parts += [f"### {span(ref.start_time, ref.end_time)}", _chunk(texts.get(ref.chunk_index))]
    return "\n\n".join(parts) + "\n"


def _head(final: VideoResult) -> list[str]:
    coverage, tokens = final.coverage, final.tokens
    rows = [
        ("status", final.status),
        ("finished", moment(final.created_at)),
        ("chunks", f"{final.total_successful_chunks} of {final.num_chunks}"),
    ]
    if coverage is not None:
        described = share(coverage.covered_seconds, coverage.total_seconds)
        rows.append(("described", f"{described} of {clock(coverage.total_seconds)}"))
        gaps = ", ".join(span(start, end) for start, end in coverage.gaps)
        rows += [("not described", gaps)] if gaps else []
    if final.video_info is not None:
        info = final.video_info
        rows.append(("video", f"{clock(info.duration)}, {info.width}×{info.height}, {info.fps:.4g} fps, {info.codec}"))
    rows.append(("tokens", f"{count(tokens.prompt)} in, {count(tokens.completion)} out"))
    if final.provenance is not None:
        made = final.provenance
        rows.append(("model", " ".join(part for part in (made.model, made.revision, made.quantization) if part)))
    rows += [(f"metadata {key}", value) for key, value in sorted(final.metadata.items())]
    table = "\n".join(["| | |", "|---|---|", *(f"| {_cell(name)} | {_cell(value)} |" for name, value in rows)])
    parts = [_text(final.aggregated_response)] if final.aggregated_response else []
    parts += [_error(final.error)] if final.error is not None else []
    parts += [f"*Noticed: {_inline('; '.join(final.warnings))}.*"] if final.warnings else []
    return [*parts, table]


def _chunk(chunk: ChunkResult | None) -> str:
    if chunk is None:
        return "*Its text is not at hand.*"
    if not chunk.success:
        return _error(chunk.error) if chunk.error is not None else "*Failed.*"
    notes = [*chunk.degraded, *chunk.warnings, *(["cut off at max_tokens"] if chunk.truncated else [])]
    text = _text(chunk.response or "")
    return f"{text}\n\n*{_inline('; '.join(notes))}.*" if notes else text


def _error(error: ErrorInfo) -> str:
    return f"**{error.code.value}**: {_inline(error.message)} {CODES[error.code].remedy}"


def _text(text: str) -> str:
    """The model's text: no markup of HTML, no link, no picture, no heading or rule, and no code block left open."""
    kept = "".join(one for one in text.strip() if one.isprintable() or one in "\n\t")
    kept = (
        kept.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace("](", "]\\(")
        .replace("]:", "]\\:")
        .replace("][", "]\\[")
    )
    kept = _STRUCTURE.sub(r"\1\\\2", kept)
    fences = _FENCE.findall(kept)
    return kept + ("\n" + fences[-1] if len(fences) % 2 else "")


def _inline(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>&|#])", r"\\\1", " ".join(text.split()))


def _cell(text: str) -> str:
    return _inline(text)
