"""What a SOURCE on the command line is: an address, a file, or a directory of files."""

from __future__ import annotations

import difflib
import itertools
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click

SCHEMES = ("s3", "http", "https")
# What other tools call them.
_ALIASES = {"s3a": "s3", "s3n": "s3", "minio": "s3"}
_NAMES_READ = 10_000
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
            refused = f"{scheme}:// is no address that can be fetched"
            raise click.UsageError(f"{refused}; {hint(text) or 'use s3://, http(s):// or a path'}")
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
        missing = f"there is no file {text} (and it is no s3:// or http(s):// address)"
        meant = hint(text)
        raise click.UsageError(f"{missing}; {meant}" if meant else missing)
    if not path.is_file():
        raise click.UsageError(f"{text} is neither a file nor a directory")
    return Local(path)


def hint(text: str) -> str | None:
    """What was probably meant by a text that names no source, as a question; None: nobody can tell."""
    found = re.match(r"([A-Za-z][A-Za-z0-9]+):/*(.*)", text)
    if found is not None:
        scheme, rest = found[1].lower(), found[2]
        if scheme == "file":
            return f"did you mean /{_shown(rest)}?"
        near = [_ALIASES[scheme]] if scheme in _ALIASES else difflib.get_close_matches(scheme, SCHEMES, 1)
        if near and rest:
            return f"did you mean {_shown(f'{near[0]}://{rest}')}?"
    if re.match(r"(?:[a-z0-9-]+\.)+[a-z]{2,}/.", text):
        return f"did you mean https://{_shown(text)}?"
    path = Path(text)
    try:
        # Of a directory of millions the first will do.
        names = [entry.name for entry in itertools.islice(os.scandir(path.parent), _NAMES_READ)]
    except OSError:
        return None
    close = difflib.get_close_matches(path.name, names, 1, 0.75)
    return f"did you mean {path.parent / close[0]}?" if close else None


def expand(texts: Iterable[str]) -> list[Source]:
    """All sources, directories opened up."""
    sources: list[Source] = []
    for text in texts:
        found = recognise(text)
        sources.extend(found if isinstance(found, list) else [found])
    return sources


def _shown(url: str) -> str:
    """The address without user name, password and query, which may be secret."""
    scheme, separator, rest = url.partition("://")
    rest = re.split(r"[?#]", rest if separator else scheme, maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}" if separator else rest


def _suffixes() -> str:
    return ", ".join(sorted(VIDEO_SUFFIXES))
