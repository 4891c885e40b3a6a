"""Loaded by vLLM in each of its processes (entry point `vllm.general_plugins`).

vLLM ends its processes when it is shut down, but the engine's process does not notice that the one which started it was
killed: it would keep its GPU memory, and the next worker on the machine would not start.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing import connection

WATCH_VARIABLE = "VIDEO_CONSUMER_ENGINE"
"""Set in the environment of engines that this package starts; other uses of vLLM are left alone."""


def end_with_parent() -> None:
    """Kill this process when the one that started it is gone; nothing in a process that vLLM did not start."""
    parent = multiprocessing.parent_process()
    if parent is None or WATCH_VARIABLE not in os.environ:
        return
    threading.Thread(target=_wait_and_end, args=(parent.sentinel,), name="parent-watch", daemon=True).start()


def _wait_and_end(sentinel: int) -> None:
    connection.wait([sentinel])
    # By SIGKILL: a model that loads, or a kernel that hangs, would not look at anything softer.
    os.kill(os.getpid(), signal.SIGKILL)
