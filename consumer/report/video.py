"""What the report has of the video itself: a small picture of each chunk, and where a browser finds the film."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

# Nothing else is ever a link: no script, no data, no other scheme, and none that is as long as a chapter.
_LINK = re.compile(r"""(?:https?://[^/\s]|\.{1,2}/)(?![^"'<>`\\]*["'<>`\\])[!-~]{1,1000}""")


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG of one moment (seconds of source time); width and height in pixels as it should be shown."""

    jpeg: bytes
    width: int
    height: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Video:
    """Of the video, as far as it is at hand.

    Args:
        name: what people call it, without anything secret.
        link: where the reader's browser finds it, as `web_link` and `file_link` make it.
        pictures: by chunk index.
        note: a sentence on pictures or links that are not there.
    """

    name: str | None = None
    link: str | None = None
    pictures: Mapping[int, Picture] = field(default_factory=dict)
    note: str | None = None

    def at(self, seconds: float) -> str | None:
        """The address of a moment (Media Fragments: browsers start to play there); None: the video has none."""
        if self.link is None or not _LINK.fullmatch(self.link):
            return None
        return f"{self.link}#t={max(seconds, 0.0):g}"


def web_link(url: str) -> str | None:
    """The address as the page may hold it; None where no browser can open it, or where it may hold a secret.

    A user part or a query is often a pass word or a signature, and a report is made to be handed on.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or parts.query or "@" in parts.netloc:
        return None
    return f"{parts.scheme.lower()}://{parts.netloc}{quote(parts.path or '/', safe='/%:@!$&()*+,;=~-._')}"


def file_link(video: Path, page: Path) -> str:
    """From the page to a file of the same machine, relative: both may be moved together, and no other path is told."""
    way = os.path.relpath(video.resolve(), page.resolve().parent)
    return quote(way if way.startswith("..") else f"./{way}")


def video_name(address: str) -> str:
    """The last part of a path or an address, without query."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "video"
    path = parts.path if parts.scheme in ("s3", "http", "https") else address
    return path.rstrip("/").rpartition("/")[2] or "video"
