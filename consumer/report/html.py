"""A job's results as one HTML page that needs nothing else: no script, no font, no picture, no network.

What the model wrote is text from outside and is only ever shown as text; the page's own policy forbids scripts and any
request besides.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from consumer.errors import CODES
from consumer.events.models import ChunkRef, ChunkResult, ErrorInfo, Provenance, VideoResult
from consumer.report.figures import clock, count, moment, share, size, span
from consumer.report.markup import Markup, join, tag
from consumer.report.style import STYLE
from consumer.report.timeline import timeline

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_TONES = {"succeeded": "good", "partial": "some", "failed": "bad", "cancelled": "some"}


def render_report(result: VideoResult, chunks: Sequence[ChunkResult]) -> str:
    """The page as text, to be written as UTF-8.

    Args:
        chunks: in any order; where one of `result.chunks` is not among them, its text is said to be missing.
    """
    texts = {chunk.chunk_index: chunk for chunk in chunks}
    listed = sorted(result.chunks, key=lambda ref: ref.chunk_index)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        tag("title", f"{result.job_id} – {result.status}"),
        tag("style", STYLE),
    )
    body = tag(
        "main",
        _summary(result),
        _section("Time line", timeline(listed, result.coverage)),
        _section("Chunks", join(*(_chunk(ref, texts.get(ref.chunk_index)) for ref in listed)) if listed else None),
        _section("Where this comes from", _provenance(result)),
    )
    return "<!doctype html>\n" + tag("html", head, tag("body", body), lang="en") + "\n"


def _section(title: str, content: Markup | None) -> Markup | None:
    return tag("section", tag("h2", title), content) if content is not None else None


def _summary(result: VideoResult) -> Markup:
    answer = None
    if result.aggregated_response is not None:
        answer = tag("p", result.aggregated_response, class_="text lead", dir="auto")
    return tag(
        "header",
        tag("h1", result.job_id),
        tag(
            "p", tag("span", result.status, class_=f"badge {_TONES[result.status]}"), f" · {moment(result.created_at)}"
        ),
        tag("div", answer, _error(result.error), class_="card") if answer or result.error else None,
        _warnings(result.warnings),
        _figures(result),
    )


def _figures(result: VideoResult) -> Markup:
    info, coverage = result.video_info, result.coverage
    pairs = [("Chunks", f"{result.total_successful_chunks} of {result.num_chunks}")]
    if coverage is not None:
        pairs.append(
            (
                "Described",
                f"{share(coverage.covered_seconds, coverage.total_seconds)} of {clock(coverage.total_seconds)}",
            )
        )
    if info is not None:
        pairs += [
            ("Video", f"{clock(info.duration)}, {info.width}×{info.height}, {info.fps:.4g} fps"),
            ("File", f"{info.codec} in {info.container}, {size(info.size_bytes)}"),
        ]
    pairs.append(("Processing", f"{result.total_processing_time:.1f} s"))
    if coverage is not None and result.total_processing_time > 0:
        pairs.append(("Speed", f"{coverage.covered_seconds / result.total_processing_time:.3g}× real time"))
    tokens = result.tokens
    pairs.append(
        ("Tokens", f"{count(tokens.prompt)} in ({count(tokens.vision)} vision), {count(tokens.completion)} out")
    )
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs), class_="figures")


def _error(error: ErrorInfo | None) -> Markup | None:
    if error is None:
        return None
    return tag("p", tag("strong", error.code.value), f": {error.message} {CODES[error.code].remedy}", class_="bad text")


def _chunk(ref: ChunkRef, chunk: ChunkResult | None) -> Markup:
    state = tag("span", "described", class_="badge good") if ref.success else tag("span", "failed", class_="badge bad")
    title = tag("h3", span(ref.start_time, ref.end_time))
    number = tag("span", f"Chunk {ref.chunk_index + 1} · ", class_="faint")
    head = tag("div", title, tag("span", number, state), class_="head")
    content = _chunk_content(chunk) if chunk is not None else tag("p", "Its text is not at hand.", class_="faint")
    return tag("article", head, content, class_="card", id=f"chunk-{ref.chunk_index}")


def _chunk_content(chunk: ChunkResult) -> Markup:
    answer = None
    if chunk.parsed is not None:
        answer = tag("pre", json.dumps(json.loads(chunk.parsed), indent=2, ensure_ascii=False), dir="auto")
    elif chunk.response is not None:
        answer = tag("p", chunk.response, class_="text", dir="auto")
    notes = [*chunk.degraded, *(["the answer was cut off at max_tokens"] if chunk.truncated else [])]
    return join(
        answer,
        _error(chunk.error),
        tag("p", "Reduced: " + "; ".join(notes) + ".", class_="some faint") if notes else None,
        _warnings(chunk.warnings),
        tag("p", _chunk_figures(chunk), class_="faint"),
    )


def _warnings(warnings: Sequence[str]) -> Markup | None:
    return tag("p", "Noticed: " + "; ".join(warnings) + ".", class_="some faint") if warnings else None


def _chunk_figures(chunk: ChunkResult) -> str:
    frames, tokens, timings = chunk.frames, chunk.tokens, chunk.timings
    parts = [f"{chunk.processing_time:.2f} s (decode {timings.decode:.2f}, generate {timings.generate:.2f})"]
    if frames is not None:
        parts.insert(0, f"{frames.count} frames of {frames.width}×{frames.height} at {frames.fps:.3g} fps")
    if tokens.prompt or tokens.completion:
        parts.append(f"{count(tokens.prompt)} tokens in, {count(tokens.completion)} out")
    return " · ".join(parts)


def _provenance(result: VideoResult) -> Markup:
    rows = [("Job", result.job_id), ("Run", f"{result.run_id}, attempt {result.attempts}")]
    if result.provenance is not None:
        rows += _made_by(result.provenance)
    if result.aggregation is not None:
        calls, levels = result.aggregation.calls, result.aggregation.levels
        rows.append(("Aggregation", f"{calls} call(s) in {levels} level(s)"))
    rows += [(f"metadata {key}", value) for key, value in sorted(result.metadata.items())]
    table = tag(
        "table", *(tag("tr", tag("th", name, scope="row"), tag("td", value, dir="auto")) for name, value in rows)
    )
    return tag("div", table, class_="card")


def _made_by(made: Provenance) -> list[tuple[str, str]]:
    drawn = made.sampling
    seed = "none" if drawn.seed is None else str(drawn.seed)
    return [
        ("Model", " ".join(part for part in (made.model, made.revision, made.quantization) if part)),
        ("Engine", f"{made.engine} {made.engine_version}"),
        (
            "Sampling",
            f"temperature {drawn.temperature:g}, top_p {drawn.top_p:g}, top_k {drawn.top_k}, "
            f"presence_penalty {drawn.presence_penalty:g}, max_tokens {drawn.max_tokens}, seed {seed}",
        ),
        ("Prompt digest", made.prompt_digest),
        ("Plan digest", made.plan_digest),
        ("Consumer", f"{made.consumer_version} on {made.worker}"),
    ]
