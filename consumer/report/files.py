"""Writes a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from consumer.errors import VideoConsumerError


class UnwritableError(VideoConsumerError):
    """A file cannot be written."""


def place_problem(path: Path) -> str | None:
    """Why no file can be written there, as the end of a sentence, as far as that is known before; None: it can."""
    try:
        if path.is_dir():
            return f"{path} is a directory; name a file"
        if not path.parent.is_dir():
            return f"there is no directory {path.parent}"
    except OSError as error:
        return f"no file can be called {path.name[:40]}... ({error.strerror}); name another"
    if not os.access(path.parent, os.W_OK):
        return f"this user may not write into {path.parent}; name another directory"
    return None


def write_whole(path: Path, text: str | bytes, option: str) -> None:
    """Write the file; one that is there is replaced, or left as it was if the new one cannot be written.

    Args:
        text: what UTF-8 has no bytes for becomes `?`.
        option: the one that names the file.

    Raises:
        UnwritableError: it cannot be written.
    """
    try:
        _write(path, text.encode("utf-8", "replace") if isinstance(text, str) else text)
    except OSError as error:
        raise UnwritableError(f"{option}: {path} cannot be written: {error.strerror or error}.") from None


def _write(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        partial = Path(file.name)
        try:
            file.write(content)
            file.flush()
            partial.chmod(0o666 & ~_mask())
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def _mask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
