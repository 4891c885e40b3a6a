"""Files below an allowed directory."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from consumer.errors import PermanentError
from consumer.media.source import Source, changed, check_size, forbidden, not_found, refused, unreachable


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
        try:
            while length > 0 and (piece := os.pread(self._descriptor, length, offset)):
                pieces.append(piece)
                offset, length = offset + len(piece), length - len(piece)
            status = os.fstat(self._descriptor)
        except OSError as error:
            # The disk, or the server of a network file system.
            raise unreachable(f"The file that video_path names cannot be read ({error.strerror}).") from None
        if (status.st_size, status.st_mtime_ns) != self._state:
            raise changed("video_path")
        data = b"".join(pieces)
        self.count(len(data))
        return data

    def close(self) -> None:
        os.close(self._descriptor)


def open_file(path: str, allowed: Sequence[str], max_bytes: int) -> FileSource:
    """Open a file if it really lies below one of the allowed directories.

    Nothing in it may lead elsewhere: no `..`, no symbolic link, no device. It is opened part by part from the allowed
    directory down without following links, so that a link put in after the check does not lead out either.

    Raises:
        PermanentError: SOURCE_REFUSED, SOURCE_NOT_FOUND, SOURCE_FORBIDDEN, SOURCE_TOO_LARGE.
    """
    root, parts = _below_allowed(path, allowed)
    try:
        descriptor = _open_below(root, parts)
    except (FileNotFoundError, NotADirectoryError):
        raise not_found("The file that video_path names does not exist.") from None
    except PermissionError:
        raise forbidden("The file that video_path names may not be read by this process.") from None
    except OSError as error:
        raise refused(f"video_path cannot be opened below ALLOWED_PATHS ({error.strerror}).") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _no_file()
        source = FileSource(descriptor)
        check_size("video_path", source.size, max_bytes)
    except BaseException:
        os.close(descriptor)
        raise
    return source


def _below_allowed(path: str, allowed: Sequence[str]) -> tuple[Path, tuple[str, ...]]:
    """The allowed directory, links in its own name resolved, and the parts of the way down from it as they stand."""
    if "\0" in path:
        raise refused("video_path must not contain a zero byte; ALLOWED_PATHS lists where files may lie.")
    given = Path(path).absolute()
    if ".." in given.parts:
        raise refused(
            "video_path must not contain '..'; give the path from a directory of ALLOWED_PATHS straight down."
        )
    for name in allowed:
        try:
            root = Path(name).resolve()
        except (OSError, RuntimeError):
            continue
        for spelling in (Path(os.path.abspath(name)), root):  # noqa: PTH100 - takes `..` out, and follows no link
            if given.is_relative_to(spelling) and given != spelling:
                return root, given.relative_to(spelling).parts
    raise refused("video_path must lie below a directory that ALLOWED_PATHS lists.")


def _open_below(root: Path, parts: Sequence[str]) -> int:
    directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            _check(part, directory, last=False)
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
            os.close(directory)
            directory = inner
        _check(parts[-1], directory, last=True)
        # Without O_NONBLOCK opening a named pipe put in meanwhile would wait for its writer for ever.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(parts[-1], flags, dir_fd=directory)
    finally:
        os.close(directory)


def _check(part: str, directory: int, *, last: bool) -> None:
    """Say what is wrong before it is opened: opening a device may already do something to it."""
    mode = os.stat(part, dir_fd=directory, follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        raise refused("video_path must not lead through a symbolic link; name the file itself, below ALLOWED_PATHS.")
    if last and not stat.S_ISREG(mode):
        raise _no_file()


def _no_file() -> PermanentError:
    return refused("video_path must name a regular file below ALLOWED_PATHS, not a directory or a device.")
