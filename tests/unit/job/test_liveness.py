"""How long an engine has stood still, by its own count of steps."""

from __future__ import annotations

import asyncio

import pytest

from consumer.job.liveness import MOST_SECONDS, Stillness
from tests.unit.job.fakes import Bench, for_ever, make_job


def test_it_is_counted_from_the_last_step_while_there_is_something_to_do() -> None:
    stillness = Stillness()
    looks = [
        (False, 5, 0.0, 0.0),
        (False, 5, 50.0, 0.0),
        (True, 5, 58.0, 8.0),
        (True, 5, 65.0, 15.0),
        (True, 6, 66.0, 0.0),
        (True, 6, 72.0, 6.0),
        (False, 6, 80.0, 0.0),
        (True, 6, 81.0, 1.0),
    ]
    for busy, progress, now, seconds in looks:
        assert stillness.look(busy=busy, progress=progress, now=now) == seconds


def test_a_process_that_was_frozen_has_not_seen_its_engine_stand_still() -> None:
    stillness = Stillness()
    stillness.look(busy=False, progress=1, now=0.0)
    assert stillness.look(busy=True, progress=1, now=5.0) == 5.0
    assert stillness.look(busy=True, progress=1, now=1000.0) == 5.0 + MOST_SECONDS
    assert stillness.look(busy=True, progress=1, now=1001.0) == 6.0 + MOST_SECONDS, (
        "one that hangs is found all the same"
    )


@pytest.mark.parametrize("moves", [True, False])
async def test_the_runner_tells_whether_its_engine_gets_on(moves: bool) -> None:
    bench = Bench()
    bench.engine.answers[0] = [for_ever]
    running = asyncio.create_task(bench.run(make_job(end_time=50.0)))
    async with asyncio.timeout(20):
        while not bench.engine.in_flight:
            await asyncio.sleep(0.001)
    for _ in range(9):
        bench.time.seconds += 10
        bench.engine.progress += moves
        seconds = bench.runner.engine_still_seconds()
    assert seconds == (0.0 if moves else 90.0)
    assert bench.value("engine_last_progress_seconds") == seconds
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.runner.engine_still_seconds() == 0.0
    assert bench.runner.engine_alive
    bench.engine.die()
    assert not bench.runner.engine_alive
