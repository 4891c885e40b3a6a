from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.job.retry import LONGEST_SECONDS, backoff, retried
from tests.unit.job.fakes import FakeTime

AWAY = TransientError(ErrorCode.SOURCE_UNREACHABLE, "The store is away.")


def test_waits_double_up_to_the_longest() -> None:
    waits = [backoff(tries, 0.0, 1e9, 0.999999) for tries in (1, 2, 3, 4, 5, 6, 7, 1000)]
    assert [round(wait or 0, 2) for wait in waits] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]


@given(st.integers(1, 10_000), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1, exclude_max=True))
def test_no_try_begins_after_the_limit(tries: int, elapsed: float, limit: float, draw: float) -> None:
    wait = backoff(tries, elapsed, limit, draw)
    if wait is not None:
        assert 0 < wait <= LONGEST_SECONDS
        assert elapsed + wait <= limit


def test_a_limit_of_zero_means_one_try() -> None:
    assert backoff(1, 0.0, 0.0, 0.0) is None


async def _failing(failures: list[Exception], limit: float, time: FakeTime) -> int:
    async def operation(tries: int) -> int:
        if failures:
            raise failures.pop(0)
        return tries

    return await retried(operation, limit=limit, tools=time.tools(), what="open", job_id="job-1")


async def test_half_a_minute_away_costs_time_and_nothing_else() -> None:
    time = FakeTime()
    began = time.seconds

    async def operation(tries: int) -> str:
        if time.seconds < began + 30:
            raise AWAY
        return "there"

    assert await retried(operation, limit=300.0, tools=time.tools(), what="open", job_id="job-1") == "there"
    assert 30 <= time.seconds - began < 60


async def test_gives_up_with_the_last_error() -> None:
    time = FakeTime()
    with pytest.raises(TransientError, match="away"):
        await _failing([AWAY] * 1000, 60.0, time)
    assert 30 < sum(time.slept) <= 60


async def test_permanent_errors_and_a_dead_engine_are_not_tried_again() -> None:
    time = FakeTime()
    for error in (
        PermanentError(ErrorCode.SOURCE_NOT_FOUND, "No such key."),
        TransientError(ErrorCode.ENGINE_DIED, "Gone."),
    ):
        with pytest.raises(type(error)):
            await _failing([error], 60.0, time)
    assert time.slept == []


async def test_a_bug_is_not_tried_again() -> None:
    with pytest.raises(ZeroDivisionError):
        await _failing([ZeroDivisionError()], 60.0, FakeTime())


async def test_one_slow_failure_may_be_repeated_once() -> None:
    time = FakeTime()

    async def operation(tries: int) -> int:
        time.seconds += 600
        raise TransientError(ErrorCode.ENGINE_TIMEOUT, "Too slow.")

    with pytest.raises(TransientError):
        await retried(operation, limit=300.0, tools=time.tools(), what="generate", job_id="job-1")
    assert len(time.slept) == 1
