"""Questions back where a SOURCE was mistyped: "did you mean s3://videos/talk.mp4?"."""

from __future__ import annotations

import difflib
import functools
import itertools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from consumer.events.addresses import SCHEMES

_T = TypeVar("_T")

# What other tools call them.
_ALIASES = {"s3a": "s3", "s3n": "s3", "minio": "s3"}
_NAMES_READ = 10_000
_CLOSE = 0.75


def with_hint(read: Callable[[str], _T]) -> Callable[[str], _T]:
    """The function that reads a SOURCE, its refusals with what was probably meant behind them."""

    @functools.wraps(read)
    def asking(text: str) -> _T:
        try:
            return read(text)
        except click.UsageError as error:
            meant = probably_meant(text)
            if meant is None:
                raise
            raise click.UsageError(f"{error.message}; did you mean {meant}?") from None

    return asking


def probably_meant(text: str) -> str | None:
    """An address or path that is like a text which names no source; None: nobody can tell.

    User name, password and query of an address are left out, since they may be secret.
    """
    address = re.match(r"([A-Za-z][A-Za-z0-9]+):(/*)(.*)", text)
    if address is not None:
        return _address(address[1].lower(), address[2], address[3])
    if re.match(r"(?:[a-z0-9-]+\.)+[a-z]{2,}/.", text):
        return _shown("https", text)
    if re.search(r"[*?\[]", text):
        return None
    return _neighbour(Path(text))


def _address(scheme: str, slashes: str, rest: str) -> str | None:
    if scheme == "file":
        return f"/{rest}"
    near = [_ALIASES[scheme]] if scheme in _ALIASES else difflib.get_close_matches(scheme, SCHEMES, 1)
    # One that is spelt as it should be is wrong in another way.
    return _shown(near[0], rest) if near and rest and not (scheme in SCHEMES and slashes == "//") else None


def _neighbour(path: Path) -> str | None:
    """A file or directory beside it with nearly its name."""
    try:
        # Of a directory of millions the first will do.
        names = [entry.name for entry in itertools.islice(os.scandir(path.parent), _NAMES_READ)]
    except OSError:
        return None
    close = difflib.get_close_matches(path.name, names, 1, _CLOSE)
    return str(path.parent / close[0]) if close and close[0] != path.name else None


def _shown(scheme: str, rest: str) -> str:
    host, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
