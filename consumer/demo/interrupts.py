"""SIGINT and SIGTERM as exceptions that cannot get lost."""

from __future__ import annotations

import signal
from types import FrameType


class Interrupts:
    """Raises KeyboardInterrupt or SystemExit (128 + SIGTERM) where the signal arrives, and again where it is asked.

    Where it arrives may be within a callback of a library or of the garbage collector: there an exception is printed
    and goes no further.
    """

    def __init__(self) -> None:
        self._pending: BaseException | None = None

    def install(self) -> None:
        """Take the signals of this process; to be called in its main thread."""
        signal.signal(signal.SIGINT, self.take)
        signal.signal(signal.SIGTERM, self.take)

    def take(self, number: int, _: FrameType | None) -> None:
        """Handle a signal."""
        self._pending = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)
        raise self._pending

    def check(self) -> None:
        """Raise what a signal that has arrived stands for."""
        if self._pending is not None:
            raise self._pending
