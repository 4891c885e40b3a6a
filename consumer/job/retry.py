"""When a transient error is tried again: exponential backoff with jitter, within a time limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from typing import TypeVar

import structlog

from consumer.errors import ErrorCode, TransientError
from consumer.job.tools import Tools

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 15.0

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")


def backoff(tries: int, elapsed: float, limit: float, draw: float) -> float | None:
    """Seconds to wait before the next try, or None when the time for trying is over.

    Args:
        tries: failed tries so far, at least 1.
        elapsed: seconds since the first of them failed. A first try however slow may thus be repeated once.
        limit: seconds during which new tries may begin; 0: no second try.
        draw: uniform in [0, 1). The wait lies between half of the step and the step, so that many workers that failed
            at once do not come back at once.
    """
    step = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(tries - 1, 30))
    wait = step * (0.5 + 0.5 * draw)
    return wait if elapsed + wait <= limit else None


async def retried(
    operation: Callable[[int], Awaitable[_T]], *, limit: float, tools: Tools, what: str, job_id: str
) -> _T:
    """What `operation(number of the try, from 1)` returns, tried again while it fails transiently.

    Raises:
        TransientError: the last one, when `limit` seconds are over; ENGINE_DIED at once, since no try can help here.
        PermanentError: at once.
    """
    first_failure: float | None = None
    for tries in count(1):
        try:
            return await operation(tries)
        except TransientError as error:
            now = tools.monotonic()
            first_failure = now if first_failure is None else first_failure
            wait = backoff(tries, now - first_failure, limit, tools.draw())
            if error.code is ErrorCode.ENGINE_DIED or wait is None:
                raise
            _log.warning(
                "retrying",
                job_id=job_id,
                what=what,
                code=error.code.value,
                reason=error.message,
                tries=tries,
                wait=round(wait, 3),
            )
        await tools.sleep(wait)
    raise AssertionError("count() ends never")
