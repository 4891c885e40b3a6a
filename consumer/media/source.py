"""What all sources of bytes have in common: sized, named by what was read, readable anywhere."""

from __future__ import annotations

import abc
import threading
from collections.abc import Callable

from consumer.errors import ErrorCode, PermanentError, TransientError

MOST_ANSWERS = 16
"""For one range: as often as a transfer may break off and go on."""


class Source(abc.ABC):
    """The bytes of one video, as they were when it was opened; safe to read from several threads.

    Args:
        identity: stands for the very bytes: version id or ETag, and size. The same on every worker.
        size: bytes.
    """

    def __init__(self, identity: str, size: int) -> None:
        self.identity = identity
        self.size = size
        self._lock = threading.Lock()
        self._bytes_read = 0

    @property
    def bytes_read(self) -> int:
        """Bytes fetched from where the video lies, repeats included."""
        return self._bytes_read

    @abc.abstractmethod
    def read_at(self, offset: int, length: int) -> bytes:
        """The bytes [offset, offset + length), fewer only at the end of the file.

        Raises:
            PermanentError: SOURCE_CHANGED, SOURCE_NOT_FOUND, SOURCE_FORBIDDEN, SOURCE_REFUSED.
            TransientError: SOURCE_UNREACHABLE, within FETCH_TIMEOUT_SECONDS.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of connections and files; must not be called while a read runs."""

    def count(self, fetched: int) -> None:
        """Add to `bytes_read`."""
        with self._lock:
            self._bytes_read += fetched


def resumed(read: Callable[[int, int, bytearray], None], offset: int, length: int) -> bytes:
    """The bytes [offset, offset + length); where a transfer breaks off, the rest is asked for anew.

    Args:
        read: appends bytes [offset, offset + length) to the array, or fewer of them before it raises or returns.

    Raises:
        PermanentError: as `read` does.
        TransientError: as `read` does when it brought nothing more; SOURCE_UNREACHABLE after MOST_ANSWERS.
    """
    data = bytearray()
    for _ in range(MOST_ANSWERS):
        had = len(data)
        try:
            read(offset + had, length - had, data)
        except TransientError:
            if len(data) == had:
                raise
        if len(data) == length:
            return bytes(data)
        if len(data) == had:
            break
    raise unreachable("What answers for video_url ends its answers too early.")


def check_size(field: str, size: int, limit: int) -> None:
    """Refuse what is larger than MAX_SOURCE_BYTES.

    Raises:
        PermanentError: SOURCE_TOO_LARGE.
    """
    if size > limit:
        message = f"The file that {field} names has {size} bytes, more than MAX_SOURCE_BYTES ({limit})."
        raise PermanentError(ErrorCode.SOURCE_TOO_LARGE, message)


def changed(field: str) -> PermanentError:
    return PermanentError(ErrorCode.SOURCE_CHANGED, f"The file that {field} names was replaced while it was read.")


def refused(message: str) -> PermanentError:
    return PermanentError(ErrorCode.SOURCE_REFUSED, message)


def not_found(message: str) -> PermanentError:
    return PermanentError(ErrorCode.SOURCE_NOT_FOUND, message)


def forbidden(message: str) -> PermanentError:
    return PermanentError(ErrorCode.SOURCE_FORBIDDEN, message)


def unreachable(message: str) -> TransientError:
    return TransientError(ErrorCode.SOURCE_UNREACHABLE, message)


def unresolved(field: str) -> TransientError:
    """Transient, since the servers of names may be what is wrong."""
    return unreachable(f"The host that {field} names cannot be resolved: check how it is spelt.")


def lies_behind(error: BaseException | None, kind: type[BaseException]) -> bool:
    """Whether an error of that kind led to this one: the clients have no classes of their own for every reason."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error is not None
