"""Disk for downloads from servers that cannot hand out parts of a file."""

from __future__ import annotations

import os
import tempfile
import threading

from consumer.errors import ErrorCode, PermanentError
from consumer.media.source import unreachable


class ScratchSpace:
    """Temporary files of one process, with one quota for all of them together."""

    def __init__(self, quota: int) -> None:
        self.quota = quota
        self._lock = threading.Lock()
        self._used = 0

    def create(self) -> ScratchFile:
        return ScratchFile(self)

    @property
    def used(self) -> int:
        """Bytes in files that exist."""
        return self._used

    def take(self, size: int, held: int) -> None:
        """Reserve `size` bytes for a file that holds `held` already.

        Raises:
            PermanentError: SOURCE_TOO_LARGE, the file would never fit.
            TransientError: SOURCE_UNREACHABLE, it does not fit beside the others now.
        """
        if held + size > self.quota:
            message = f"video_url needs a whole download, which is larger than MAX_SCRATCH_BYTES ({self.quota})."
            raise PermanentError(ErrorCode.SOURCE_TOO_LARGE, message)
        with self._lock:
            if self._used + size > self.quota:
                message = f"Downloads of other jobs take up MAX_SCRATCH_BYTES ({self.quota}) at the moment."
                raise unreachable(message)
            self._used += size

    def give(self, size: int) -> None:
        with self._lock:
            self._used -= size


class ScratchFile:
    """A nameless temporary file; it is gone when closed, or with the process."""

    def __init__(self, space: ScratchSpace) -> None:
        self._space = space
        # Without a buffer: what a full disk left in one would be written once more by close(), and fail there.
        self._file = tempfile.TemporaryFile(prefix="video-consumer-", buffering=0)  # noqa: SIM115 - closed by close()
        self.size = 0

    def append(self, data: bytes) -> None:
        self._space.take(len(data), self.size)
        self.size += len(data)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise unreachable(
                f"The directory for temporary files cannot take the download ({error.strerror})."
            ) from None

    def read_at(self, offset: int, length: int) -> bytes:
        return os.pread(self._file.fileno(), length, offset)

    def close(self) -> None:
        self._file.close()
        self._space.give(self.size)
