"""The head of the page: how the job ended, the answer for the whole, what went wrong, and the figures."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.errors import CODES, ErrorCode
from consumer.events.models import ChunkRef, ErrorInfo, VideoResult
from consumer.report.figures import clock, count, moment, share, size
from consumer.report.markup import Markup, join, tag
from consumer.report.moments import linked
from consumer.report.view import MOST_LINKS_A_TEXT, View

_TONES = {"succeeded": "good", "partial": "some", "failed": "bad", "cancelled": "some"}
_MOST_NAMED = 12


def summary(view: View) -> Markup:
    final = view.final
    state = (
        tag("span", final.status, class_=f"badge {_TONES[final.status]}")
        if final is not None
        else tag("span", "not done", class_="badge some")
    )
    when = f" · {moment(final.created_at)}" if final is not None else ""
    title = tag("h1", view.video.name or view.job_id, dir="auto")
    job = f" · job {view.job_id}" if view.video.name is not None else ""
    return tag(
        "header",
        title,
        tag("p", state, tag("span", when + job, class_="faint"), class_="state"),
        _asked(view),
        _answer(view),
        warnings(final.warnings) if final is not None else None,
        _figures(view),
    )


def error_line(error: ErrorInfo | None) -> Markup | None:
    """Why something failed, and what can be done."""
    if error is None:
        return None
    tone = "some" if error.code is ErrorCode.CANCELLED else "bad"
    said = f": {error.message} {CODES[error.code].remedy}"
    return tag("p", tag("strong", error.code.value), said, class_=f"{tone} text")


def warnings(found: Sequence[str]) -> Markup | None:
    """What the checks of answers noticed."""
    return tag("p", "Noticed: " + "; ".join(found) + ".", class_="some text") if found else None


def _asked(view: View) -> Markup | None:
    if view.asked is None:
        return None
    text, cut = view.cut(view.asked.prompt)
    return tag(
        "p", tag("span", "Asked: ", class_="faint"), text, " …" if cut else None, class_="text asked", dir="auto"
    )


def _answer(view: View) -> Markup | None:
    final = view.final
    if final is None:
        there = f"{count(len(view.refs))} of {count(view.planned)} chunks are there."
        return tag("div", tag("p", f"The job is not done: {there}", class_="lead"), _failures(view), class_="card")
    answer = None
    if final.aggregated_response is not None and final.aggregated_response.strip():
        answer = tag("p", _with_links(final.aggregated_response, view), class_="text lead", dir="auto")
    elif final.aggregated_response is not None:
        answer = tag("p", "The answer for the whole is empty.", class_="faint")
    parts = join(answer, error_line(final.error), _failures(view))
    return tag("div", parts, class_="card") if parts else None


def _with_links(text: str, view: View) -> Markup:
    """Times lead to the chunk that shows them."""

    def place(seconds: float) -> tuple[str, str] | None:
        ref = view.at(seconds)
        return (f"#chunk-{ref.chunk_index}", f"To chunk {ref.chunk_index + 1}") if ref is not None else None

    shown, cut = text[:MOST_ANSWER], len(text) > MOST_ANSWER
    return join(linked(shown, place, MOST_LINKS_A_TEXT), " …" if cut else None)


MOST_ANSWER = 200_000
"""Characters of the answer for the whole that are shown; a model writes at most a fraction of it."""


def _failures(view: View) -> Markup | None:
    """The failed chunks by code, the first of each as links."""
    by_code: dict[str, list[ChunkRef]] = {}
    for ref in view.refs:
        if not ref.success:
            by_code.setdefault(ref.error_code.value if ref.error_code else "no reason given", []).append(ref)
    if not by_code:
        return None
    shown = {ref.chunk_index for ref in view.shown}
    parts: list[str] = []
    for code, refs in by_code.items():
        named = [ref for ref in refs if ref.chunk_index in shown][:_MOST_NAMED]
        parts += ["; " if parts else "Failed: ", tag("strong", code), " in chunk " if len(refs) == 1 else " in chunks "]
        for number, ref in enumerate(named):
            parts += [", " if number else "", tag("a", str(ref.chunk_index + 1), href=f"#chunk-{ref.chunk_index}")]
        if len(refs) > len(named):
            parts.append(f" and {count(len(refs) - len(named))} more")
    return tag("p", *parts, ".", class_="bad")


def _figures(view: View) -> Markup:
    final = view.final
    described = sum(ref.success for ref in view.refs)
    pairs = [("Chunks described", f"{count(described)} of {count(view.planned)}")]
    if final is not None:
        pairs += _of_the_whole(final)
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs), class_="figures")


def _of_the_whole(final: VideoResult) -> list[tuple[str, str]]:
    info, coverage, pairs = final.video_info, final.coverage, []
    if coverage is not None:
        described = share(coverage.covered_seconds, coverage.total_seconds)
        pairs.append(("Time described", f"{described} of {clock(coverage.total_seconds)}"))
    if info is not None:
        pairs += [
            ("Video", f"{clock(info.duration)}, {info.width}×{info.height}, {info.fps:.4g} fps"),
            ("File", f"{info.codec} in {info.container}, {size(info.size_bytes)}"),
        ]
    if coverage is not None and final.total_processing_time > 0 and coverage.covered_seconds > 0:
        pairs.append(("Speed", f"{coverage.covered_seconds / final.total_processing_time:.3g}× real time"))
    return pairs
