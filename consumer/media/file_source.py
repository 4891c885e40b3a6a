"""Files below an allowed directory."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from consumer.media.source import Source, changed, check_size, forbidden, not_found, refused


class FileSource(Source):
    """A regular file, read in place.

    Its identity is size and modification time: inode numbers differ between the machines of a shared file system, and
    the same job may go on at another worker.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        status = os.fstat(descriptor)
        self._state = (status.st_size, status.st_mtime_ns)
        super().__init__(f"mtime:{status.st_mtime_ns}:{status.st_size}", status.st_size)

    def read_at(self, offset: int, length: int) -> bytes:
        pieces = []
        while length > 0 and (piece := os.pread(self._descriptor, length, offset)):
            pieces.append(piece)
            offset, length = offset + len(piece), length - len(piece)
        status = os.fstat(self._descriptor)
        if (status.st_size, status.st_mtime_ns) != self._state:
            raise changed("video_path")
        data = b"".join(pieces)
        self.count(len(data))
        return data

    def close(self) -> None:
        os.close(self._descriptor)


def open_file(path: str, allowed: Sequence[str], max_bytes: int) -> FileSource:
    """Open a file if it really lies below one of the allowed directories.

    The path is resolved first, then opened part by part from the allowed directory down without following links, so
    that a link put in between does not lead out.

    Raises:
        PermanentError: SOURCE_REFUSED, SOURCE_NOT_FOUND, SOURCE_FORBIDDEN, SOURCE_TOO_LARGE.
    """
    root, relative = _below_allowed(path, allowed)
    try:
        descriptor = _open_below(root, relative)
    except (FileNotFoundError, NotADirectoryError):
        raise not_found("The file that video_path names does not exist.") from None
    except PermissionError:
        raise forbidden("The file that video_path names may not be read by this process.") from None
    except OSError as error:
        raise refused(f"video_path cannot be opened below ALLOWED_PATHS ({error.strerror}).") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise refused("video_path must name a regular file below ALLOWED_PATHS, not a directory or a device.")
        source = FileSource(descriptor)
        check_size("video_path", source.size, max_bytes)
    except BaseException:
        os.close(descriptor)
        raise
    return source


def _below_allowed(path: str, allowed: Sequence[str]) -> tuple[Path, Path]:
    """The allowed directory and the way down from it, links resolved."""
    if "\0" in path:
        raise refused("video_path must not contain a zero byte; ALLOWED_PATHS lists where files may lie.")
    try:
        resolved = Path(path).resolve()
        roots = [Path(root).resolve() for root in allowed]
    except (OSError, RuntimeError):
        raise refused("video_path goes round in links and leads to nothing below ALLOWED_PATHS.") from None
    for root in roots:
        if resolved.is_relative_to(root) and resolved != root:
            return root, resolved.relative_to(root)
    raise refused("video_path must lie below a directory that ALLOWED_PATHS lists.")


def _open_below(root: Path, relative: Path) -> int:
    directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in relative.parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
            os.close(directory)
            directory = inner
        # Without O_NONBLOCK opening a named pipe would wait for its writer for ever.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(relative.parts[-1], flags, dir_fd=directory)
    finally:
        os.close(directory)
