"""The storyboard: a small picture of each chunk, which leads to its text."""

from __future__ import annotations

import base64

from consumer.events.models import ChunkRef
from consumer.report.figures import clock
from consumer.report.markup import Markup, join, tag
from consumer.report.video import Picture
from consumer.report.view import View


def storyboard(view: View) -> Markup | None:
    """None where there is neither a picture nor a word about why there is none."""
    cells = [
        _cell(ref, picture) for ref in view.shown if (picture := view.video.pictures.get(ref.chunk_index)) is not None
    ]
    note = tag("p", view.video.note, class_="faint") if view.video.note is not None else None
    if not cells:
        return note
    return join(tag("ul", *cells, class_="board", data_rove=""), note)


def _cell(ref: ChunkRef, picture: Picture) -> Markup:
    image = tag(
        "img",
        src="data:image/jpeg;base64," + base64.b64encode(picture.jpeg).decode(),
        width=str(picture.width),
        height=str(picture.height),
        alt=f"The video at {clock(picture.seconds)}",
        loading="lazy",
        decoding="async",
    )
    failed = tag("span", " failed", class_="bad") if not ref.success else None
    caption = tag("span", clock(ref.start_time), failed, class_="caption")
    return tag("li", tag("a", image, caption, href=f"#chunk-{ref.chunk_index}"), data_chunk=str(ref.chunk_index))
