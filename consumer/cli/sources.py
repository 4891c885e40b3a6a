"""What a SOURCE on the command line is: an address, a file, a directory of files, or a pattern."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from consumer.cli.hints import with_hint
from consumer.events.addresses import address_problem

if TYPE_CHECKING:
    from consumer.settings import Settings

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


@with_hint
def recognise(text: str) -> Source | list[Local]:
    """One SOURCE; a directory is the list of the videos below it by name, a pattern that of the files that match.

    Raises:
        click.UsageError: it is none of these; the sentence says why.
    """
    if "://" in text:
        problem = address_problem(text)
        if problem is not None:
            raise click.UsageError(problem)
        return Remote(text)
    path = Path(text)
    # By functions that take a name which no file can have for one of no file.
    if os.path.isdir(text):  # noqa: PTH112
        found = _below(path)
        if not found:
            raise click.UsageError(f"there is no video below the directory {text} (looked for {_suffixes()})")
        return found
    if os.path.exists(text):  # noqa: PTH110
        return _file(path)
    if glob.has_magic(text):
        return _matching(text)
    raise click.UsageError(f"there is no file {text} (and it is no s3:// or http(s):// address)")


def located(text: str, settings: Settings) -> tuple[Settings, dict[str, str | None]]:
    """The fields `video_url` and `video_path` for one SOURCE, and the settings under which it may be read.

    The file's directory or the address's host counts as allowed.

    Raises:
        click.UsageError: it is none, or a directory.
    """
    found: Source | list[Local] = recognise(text)
    if isinstance(found, list):
        raise click.UsageError(f"{text} is a directory or a pattern; give one video")
    if isinstance(found, Remote):
        host = urlsplit(found.url).hostname or ""
        allowed = {} if found.url.startswith("s3://") else {"allowed_hosts": (*settings.allowed_hosts, host)}
        return settings.model_copy(update=allowed), {"video_url": found.url, "video_path": None}
    path = found.path.resolve()
    allowed = {"allowed_paths": (*settings.allowed_paths, str(path.parent))}
    return settings.model_copy(update=allowed), {"video_url": None, "video_path": str(path)}


def expand(texts: Iterable[str]) -> list[Source]:
    """All sources, directories and patterns opened up."""
    sources: list[Source] = []
    for text in texts:
        found = recognise(text)
        sources.extend(found if isinstance(found, list) else [found])
    return sources


def _file(path: Path) -> Local:
    if not path.is_file():
        raise click.UsageError(f"{path} is neither a file nor a directory")
    if not os.access(path, os.R_OK):
        raise click.UsageError(f"the file {path} may not be read by this user; change its permissions")
    return Local(path)


def _below(directory: Path) -> list[Local]:
    files = directory.rglob("*")
    return [_file(file) for file in sorted(files) if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file()]


def _matching(pattern: str) -> list[Local]:
    """What a pattern that no shell has opened up stands for: files with the suffix that it names, or else videos."""
    suffix = Path(pattern).suffix
    named = bool(suffix) and not glob.has_magic(suffix)
    found: list[Local] = []
    for path in map(Path, sorted(glob.glob(pattern, recursive=True))):  # noqa: PTH207 - the pattern may be absolute
        if path.is_dir():
            found += _below(path)
        elif named or path.suffix.lower() in VIDEO_SUFFIXES:
            found.append(_file(path))
    if not found:
        raise click.UsageError(f"no {'file' if named else 'video'} matches the pattern {pattern}")
    # `**` names a directory and what lies in it.
    return list(dict.fromkeys(found))


def _suffixes() -> str:
    return ", ".join(sorted(VIDEO_SUFFIXES))
