"""A deadline for a call of librdkafka that does not keep its own.

`send_offsets_to_transaction` takes a time-out, but waits for the group's coordinator without looking at it: after a
restart of the broker it was seen to wait for ever (librdkafka issue 5456). The I/O thread must not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class OverdueError(Exception):
    """The call did not return in time. It may still return, so its client must not be used again."""


def within(seconds: float, function: Callable[[], object]) -> None:
    """Call `function` in a thread of its own; raises what it raises.

    A call that never returns keeps its thread and its client until the process ends.

    Raises:
        OverdueError: it was not back after `seconds`.
    """
    raised: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            raised.append(error.with_traceback(None))

    thread = threading.Thread(target=run, name="deadline", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise OverdueError
    if raised:
        raise raised.pop()
