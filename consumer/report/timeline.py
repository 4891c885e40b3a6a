"""The time line: which seconds were described, which failed, which are missing."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.events.models import ChunkRef, Coverage
from consumer.report.figures import clock, span
from consumer.report.markup import Markup, join, tag

WIDTH = 1000.0
_TICKS = 5


def timeline(chunks: Sequence[ChunkRef], coverage: Coverage | None) -> Markup | None:
    """A bar over the time that was asked for; neighbours alternate in height, so that their overlap shows.

    None when no chunk is known.
    """
    if not chunks:
        return None
    start = min(chunk.start_time for chunk in chunks)
    asked = coverage.total_seconds if coverage is not None else 0.0
    end = max(start + asked, *(chunk.end_time for chunk in chunks))

    def place(first: float, last: float) -> dict[str, str]:
        scale = WIDTH / max(end - start, 1e-9)
        left = (first - start) * scale
        # At least a visible sliver, however long the video is.
        return {"x": f"{left:.2f}", "width": f"{max((last - first) * scale, 1.0):.2f}"}

    bars = [_bar(chunk, place(chunk.start_time, chunk.end_time)) for chunk in chunks]
    gaps = [
        tag("rect", class_="gap", y="0", height="46", **place(first, last))
        for first, last in (coverage.gaps if coverage else [])
    ]
    ground = tag("rect", class_="ground", x="0", y="45", width=f"{WIDTH:.0f}", height="1")
    drawing = tag(
        "svg",
        *gaps,
        *bars,
        ground,
        viewBox=f"0 0 {WIDTH:.0f} 46",
        preserveAspectRatio="none",
        role="img",
        aria_label="Time line of the chunks",
    )
    ticks = [tag("span", clock(start + (end - start) * number / (_TICKS - 1))) for number in range(_TICKS)]
    return join(drawing, tag("div", *ticks, class_="ticks faint"), _missing(coverage))


def _bar(chunk: ChunkRef, place: dict[str, str]) -> Markup:
    state = "described" if chunk.success else f"failed, {chunk.error_code.value if chunk.error_code else 'no reason'}"
    label = f"Chunk {chunk.chunk_index + 1}, {span(chunk.start_time, chunk.end_time)}: {state}"
    rectangle = Markup(
        tag(
            "rect",
            class_="good" if chunk.success else "bad",
            y="6" if chunk.chunk_index % 2 else "24",
            height="16",
            **place,
        )
    )
    return tag("a", tag("g", tag("title", label), rectangle), href=f"#chunk-{chunk.chunk_index}")


def _missing(coverage: Coverage | None) -> Markup | None:
    if coverage is None or not coverage.gaps:
        return None
    return tag(
        "p", "Not described: " + ", ".join(span(first, last) for first, last in coverage.gaps) + ".", class_="bad"
    )
