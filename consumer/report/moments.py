"""Times that a text names, made links (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable

from consumer.report.markup import Markup, join, tag

# A clock time that is no part of a longer number and no time of day; seconds in brackets, or after "at" or a dash.
_TIMES = re.compile(
    r"(?<![\w:.])(?:(?P<hours>\d{1,3}):)?(?P<minutes>\d{1,3}):(?P<seconds>[0-5]\d(?:\.\d{1,3})?)(?![\w:]|\s?[ap]\.?m\b)"
    r"|(?:(?<=[\[<(])|(?<=\bat )|(?<=[-–] ))(?P<bare>\d{1,7}(?:\.\d{1,3})?)\s?(?:s|sec|seconds)\b",
    re.ASCII | re.IGNORECASE,
)

Place = Callable[[float], tuple[str, str] | None]
"""For seconds as they are told: where they lead, and what that is called; None: nowhere."""


def linked(text: str, place: Place, most: int) -> Markup:
    """The text with the first `most` of its times as links; everything else of it stays text."""
    parts: list[str] = []
    reached = 0
    for found in _TIMES.finditer(text):
        if most <= 0:
            break
        target = place(_seconds(found))
        if target is not None:
            address, name = target
            link = tag("a", found[0], href=address, title=name, rel=_rel(address))
            parts += [text[reached : found.start()], link]
            reached, most = found.end(), most - 1
    return join(*parts, text[reached:])


def outward(address: str) -> bool:
    """Whether it leads out of the page."""
    return not address.startswith("#")


def _rel(address: str) -> str | None:
    return "noopener noreferrer" if outward(address) else None


def _seconds(found: re.Match[str]) -> float:
    if found["bare"]:
        return float(found["bare"])
    return int(found["hours"] or 0) * 3600.0 + int(found["minutes"]) * 60.0 + float(found["seconds"])
