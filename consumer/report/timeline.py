"""The time line: which seconds were described, which failed, which are missing."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.events.models import ChunkRef
from consumer.report.figures import clock, count, share, span
from consumer.report.markup import Markup, join, tag
from consumer.report.view import View

WIDTH, HEIGHT = 1000.0, 46
_TICKS = 5
_MOST_DRAWN = 4_000
_MOST_NAMED = 20


def timeline(view: View) -> Markup | None:
    """A bar over the time that was asked for; neighbours alternate in height, so that their overlap shows.

    None when no chunk is known.
    """
    refs, coverage = view.refs, view.coverage
    if not refs:
        return None
    gaps = [(first, last) for first, last in coverage.gaps] if coverage is not None else []
    start = min([ref.start_time for ref in refs] + [first for first, _ in gaps])
    asked = coverage.total_seconds if coverage is not None else 0.0
    end = max([start + asked] + [ref.end_time for ref in refs])
    scale = WIDTH / max(end - start, 1e-9)

    def place(first: float, last: float) -> dict[str, str]:
        # At least a visible sliver, however long the video is.
        return {"x": f"{(first - start) * scale:.2f}", "width": f"{max((last - first) * scale, 1.0):.2f}"}

    lack = "skip" if view.zoomed else "gap"
    # Of more than can be told apart the longest are drawn.
    longest = sorted(gaps, key=lambda gap: gap[0] - gap[1])[:_MOST_DRAWN]
    lacks = [tag("rect", class_=lack, y="0", height=f"{HEIGHT}", **place(*gap)) for gap in sorted(longest)]
    bars = [_bar(ref, place(ref.start_time, ref.end_time)) for ref in refs[:_MOST_DRAWN]]
    ground = tag("rect", class_="ground", x="0", y=f"{HEIGHT - 1}", width=f"{WIDTH:.0f}", height="1")
    drawing = tag(
        "svg",
        *lacks,
        *bars,
        ground,
        viewBox=f"0 0 {WIDTH:.0f} {HEIGHT}",
        preserveAspectRatio="none",
        role="group",
        aria_label=f"Time line of {count(len(bars))} chunks",
        data_rove="",
    )
    ticks = [tag("span", clock(start + (end - start) * number / (_TICKS - 1))) for number in range(_TICKS)]
    return join(
        drawing, tag("div", *ticks, class_="ticks faint"), _legend(refs, lack if gaps else None), _missing(view)
    )


def _bar(ref: ChunkRef, place: dict[str, str]) -> Markup:
    state = "described" if ref.success else f"failed, {ref.error_code.value if ref.error_code else 'no reason given'}"
    label = f"Chunk {ref.chunk_index + 1}, {span(ref.start_time, ref.end_time)}: {state}"
    # Failed ones are taller too: colours alone are not for everybody.
    upper = bool(ref.chunk_index % 2)
    top, height = (("6" if upper else "24"), "16") if ref.success else (("2" if upper else "20"), "24")
    rectangle = tag("rect", tag("title", label), class_="good" if ref.success else "bad", y=top, height=height, **place)
    return tag(
        "a",
        rectangle,
        href=f"#chunk-{ref.chunk_index}",
        aria_label=label,
        data_chunk=str(ref.chunk_index),
    )


def _legend(refs: Sequence[ChunkRef], lack: str | None) -> Markup:
    keys = [("good", "described")] if any(ref.success for ref in refs) else []
    keys += [("bad", "failed")] if any(not ref.success for ref in refs) else []
    keys += [(lack, _LACKS[lack].lower())] if lack is not None else []
    items = (tag("li", tag("span", class_=f"key {kind}"), name) for kind, name in keys)
    return tag("ul", *items, class_="legend faint")


_LACKS = {"gap": "Not described", "skip": "Not looked at"}


def _missing(view: View) -> Markup | None:
    coverage = view.coverage
    if coverage is None or not coverage.gaps:
        return None
    if view.zoomed:
        seen = share(coverage.covered_seconds, coverage.total_seconds)
        return tag("p", f"Only what matters to the question was looked at: {seen} of the time.", class_="faint")
    named = ", ".join(span(first, last) for first, last in coverage.gaps[:_MOST_NAMED])
    more = len(coverage.gaps) - _MOST_NAMED
    return tag("p", f"Not described: {named}{f' and {count(more)} more' if more > 0 else ''}.", class_="bad")
