"""Round after round, until SIGTERM or SIGINT."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


class Stopping:
    """Set by SIGTERM and SIGINT; whoever waits with `wait` wakes up then."""

    def __init__(self) -> None:
        self._event = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    @property
    def now(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        """Seconds, or less when it is time to stop."""
        self._event.wait(seconds)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._event.set()


def rounds(step: Callable[[], object], interval: float, stopping: Stopping) -> None:
    """Call `step`, the first time at once and then `interval` seconds after it ended."""
    while not stopping.now:
        step()
        stopping.wait(interval)
