"""docs/watch.svg is what `watch` shows, and asks for nothing from outside."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from tools.watch_picture import PICTURE, picture


def texts(svg: str) -> list[str]:
    """Without the fonts and places that another version of the library may choose."""
    return [text.strip() for text in ElementTree.fromstring(svg).itertext() if text.strip()][1:]  # noqa: S314 - ours


def test_the_picture_is_up_to_date() -> None:
    assert texts(PICTURE.read_text(encoding="utf-8")) == texts(picture())


def test_it_asks_for_nothing_from_outside_and_is_small() -> None:
    svg = PICTURE.read_text(encoding="utf-8")
    assert [word for word in ("url(http", "url('http", 'url("http', "href", "@import", "<image") if word in svg] == []
    assert len(svg) < 200_000
