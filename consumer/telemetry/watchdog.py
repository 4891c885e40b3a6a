"""Ends a process whose engine hangs: health endpoints stay green then, and its jobs would wait for ever."""

from __future__ import annotations

import faulthandler
import os
import tempfile
import threading
from collections.abc import Callable

import structlog

TICK_SECONDS = 1.0
LEAVE_SECONDS = 60.0
"""What the process gets to leave in good order, before it is ended as it is."""

EXIT_CODE = 1

_log = structlog.get_logger(__name__)


class Watchdog:
    """A thread that looks at the engine once a second; it works even where the event loop does not.

    Args:
        alive: False once the engine can never answer again.
        still: seconds since it last brought something on, 0 while nothing is asked of it.
        limit: more of them are too many.
        end: is told why, in the watchdog's thread, when the process has to end: once.
        leave: ends the process at once when it has not ended in time.
        tick, patience: seconds between two looks, and between `end` and `leave`.
    """

    def __init__(
        self,
        *,
        alive: Callable[[], bool],
        still: Callable[[], float],
        limit: float,
        end: Callable[[str], None],
        leave: Callable[[int], object] = os._exit,
        tick: float = TICK_SECONDS,
        patience: float = LEAVE_SECONDS,
    ) -> None:
        self._alive, self._still, self._limit, self._end, self._leave = alive, still, limit, end, leave
        self._tick, self._patience = tick, patience
        self._stopped = threading.Event()
        # A daemon: it watches until the very end, also while the interpreter waits for threads that hang.
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more, since the engine is about to be stopped. Whatever was seen before stays seen."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(self._tick):
            reason = self._reason()
            if reason is not None:
                self._end(reason)
                threading.Event().wait(self._patience)
                _log.error("process_hangs", reason=f"It has not ended {self._patience:g} s after its engine did.")
                self._leave(EXIT_CODE)
                return

    def _reason(self) -> str | None:
        if not self._alive():
            _log.error("engine_died")
            return "The engine's process ended."
        seconds = self._still()
        if seconds <= self._limit:
            return None
        _log.error("engine_stalled", seconds=round(seconds, 1), limit=self._limit, stacks=thread_stacks())
        return (
            f"The engine made no progress for ENGINE_STALL_SECONDS ({self._limit:g} s), though it was asked: see the "
            "stacks in the log, or raise it (or lower MAX_NUM_BATCHED_TOKENS) where one step may take so long."
        )


def thread_stacks() -> str:
    """Where each thread of this process is, innermost call first."""
    # It writes to a file of the system only, without Python's help: that is why it works when nothing else does.
    with tempfile.TemporaryFile() as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        return file.read().decode(errors="replace")
