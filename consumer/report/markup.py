"""HTML that cannot be injected into: every text and attribute is escaped unless it was built here."""

from __future__ import annotations

import html
import re

_VOID = frozenset({"meta", "img", "input"})
# What HTML does not allow in text; a lone surrogate could not even be written to a file.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | None


def escape(text: str) -> Markup:
    """Text as HTML; markup stays as it is."""
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(_FORBIDDEN.sub("�", text), quote=True))


def join(*children: Child) -> Markup:
    """The children one after another; None is left out."""
    return Markup("".join(escape(child) for child in children if child is not None))


def tag(name: str, /, *children: Child, **attributes: str | None) -> Markup:
    """An element. `class_` is written `class` and other underscores as hyphens; an attribute of None is left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")
