"""Files into the bucket: under a key made of their content, so that the same content is sent once."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

from consumer.client.problems import UploadError
from consumer.client.store import Bucket

PREFIX = "uploads"
PIECE_BYTES = 2**20

Step = Literal["read", "sent"]
Progress = Callable[[Step, int], None]


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file as an object.

    Args:
        url: its s3:// address.
        size: bytes.
        skipped: its content was there already, and nothing was sent.
    """

    url: str
    size: int
    skipped: bool


def upload(bucket: Bucket, path: Path, progress: Progress) -> Uploaded:
    """Put a file into the bucket, unless its content is there; may run in several threads.

    The file is read twice: for the digest that its key is made of, and to be sent. It must be the same both times, or
    no object is made of it.

    Args:
        progress: called with the number of bytes (sometimes none) that were read for the digest, or confirmed by the
            store, since the last call; from several threads. What it raises ends the upload.

    Raises:
        UploadError: the file cannot be read, is empty or changes; or the store does not take it.
        ConfigurationError: there is no such bucket.
    """
    try:
        with path.open("rb") as file:
            digest, size = _digest(file, progress)
            if size == 0:
                raise UploadError(f"The file {path} is empty; name a video.")
            held = bucket.held(f"{PREFIX}/{digest}/", size)
            key = held or object_key(digest, path)
            if held is None:
                file.seek(0)
                kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                again = cast(BinaryIO, _Same(file, digest, size, lambda: progress("sent", 0)))
                bucket.put(key, again, size, kind, lambda sent: progress("sent", sent))
    except _ChangedError:
        raise UploadError(f"The file {path} changed while it was read; send it when it is complete.") from None
    except OSError as error:
        raise UploadError(f"The file {path} cannot be read: {error.strerror or error}.") from None
    return Uploaded(f"s3://{bucket.name}/{key}", size, held is not None)


def object_key(digest: str, path: Path) -> str:
    """Where a file of this content goes; the name keeps only characters that an address need not escape."""
    return f"{PREFIX}/{digest}/{re.sub(r'[^A-Za-z0-9._-]', '_', path.name)}"


class _ChangedError(OSError):
    """What is read now is not what the digest was made of."""


class _Same:
    """A file that is read once more: the last of its bytes come only if all are the same as before."""

    def __init__(self, file: BinaryIO, digest: str, size: int, go_on: Callable[[], None]) -> None:
        self._file, self._expected, self._left, self._go_on = file, digest, size, go_on
        self._seen = hashlib.sha256()

    def read(self, size: int) -> bytes:
        self._go_on()
        data = self._file.read(min(size, self._left))
        self._seen.update(data)
        self._left -= len(data)
        cut_off = not data and self._left > 0
        if cut_off or (self._left == 0 and self._seen.hexdigest() != self._expected):
            raise _ChangedError
        return data


def _digest(file: BinaryIO, progress: Progress) -> tuple[str, int]:
    """SHA-256 in hexadecimal, and how many bytes it is of."""
    seen, size = hashlib.sha256(), 0
    while piece := file.read(PIECE_BYTES):
        seen.update(piece)
        size += len(piece)
        progress("read", len(piece))
    return seen.hexdigest(), size
