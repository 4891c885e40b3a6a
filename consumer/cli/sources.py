"""What a SOURCE on the command line is: an address, a file, or a directory of files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

if TYPE_CHECKING:
    from consumer.settings import Settings

SCHEMES = ("s3", "http", "https")
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".mpg", ".mpeg", ".flv", ".wmv"}
)


@dataclass(frozen=True, slots=True)
class Remote:
    """An address that the consumer fetches itself."""

    url: str


@dataclass(frozen=True, slots=True)
class Local:
    """A file on this machine."""

    path: Path


Source = Remote | Local


def recognise(text: str) -> Source | list[Local]:
    """One SOURCE; a directory is the list of the videos below it, by name.

    Raises:
        click.UsageError: it is none of these; the sentence says why.
    """
    scheme, separator, _ = text.partition("://")
    if separator:
        if scheme.lower() not in SCHEMES:
            raise click.UsageError(f"{scheme}:// is no address that can be fetched; use s3://, http(s):// or a path")
        parts = urlsplit(text)
        if not parts.netloc or (scheme.lower() == "s3" and not parts.path.strip("/")):
            shape = "s3://BUCKET/KEY" if scheme.lower() == "s3" else f"{scheme}://HOST/..."
            raise click.UsageError(f"the address {_shown(text)} is incomplete; it must look like {shape}")
        return Remote(text)
    path = Path(text)
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file())
        if not found:
            raise click.UsageError(f"there is no video below the directory {text} (looked for {_suffixes()})")
        return [Local(file) for file in found]
    if not path.exists():
        raise click.UsageError(f"there is no file {text} (and it is no s3:// or http(s):// address)")
    if not path.is_file():
        raise click.UsageError(f"{text} is neither a file nor a directory")
    return Local(path)


def located(text: str, settings: Settings) -> tuple[Settings, dict[str, str | None]]:
    """The fields `video_url` and `video_path` for one SOURCE, and the settings under which it may be read.

    The file's directory or the address's host counts as allowed.

    Raises:
        click.UsageError: it is none, or a directory.
    """
    found: Source | list[Local] = recognise(text)
    if isinstance(found, list):
        raise click.UsageError(f"{text} is a directory; give one video")
    if isinstance(found, Remote):
        host = urlsplit(found.url).hostname or ""
        allowed = {} if found.url.startswith("s3://") else {"allowed_hosts": (*settings.allowed_hosts, host)}
        return settings.model_copy(update=allowed), {"video_url": found.url, "video_path": None}
    path = found.path.resolve()
    allowed = {"allowed_paths": (*settings.allowed_paths, str(path.parent))}
    return settings.model_copy(update=allowed), {"video_url": None, "video_path": str(path)}


def expand(texts: Iterable[str]) -> list[Source]:
    """All sources, directories opened up."""
    sources: list[Source] = []
    for text in texts:
        found = recognise(text)
        sources.extend(found if isinstance(found, list) else [found])
    return sources


def _shown(url: str) -> str:
    """The address without user name, password and query, which may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _suffixes() -> str:
    return ", ".join(sorted(VIDEO_SUFFIXES))
