"""A cache outside the checkout, whose entries are made once, whole, and by one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path


def cache_directory() -> Path:
    """`video-consumer` in $XDG_CACHE_HOME or ~/.cache; it need not exist."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "video-consumer"


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The cache's directory `name`; if it is not there, `make` fills an empty one, which then gets that name.

    A `make` that fails or is killed leaves no entry. Whoever else asks for the same entry waits for it.
    """
    place = cache_directory() / name
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with locked(place.with_name(f"{name}.lock")):
        for left_over in place.parent.glob(f"{name}.making-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        if not place.exists():
            with tempfile.TemporaryDirectory(dir=place.parent, prefix=f"{name}.making-") as scratch:
                made = Path(scratch) / "made"
                made.mkdir()
                make(made)
                made.rename(place)
    return place


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the file's lock, which the kernel takes back when this process ends."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
