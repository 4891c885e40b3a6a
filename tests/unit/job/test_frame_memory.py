"""Frames in memory are bounded by bytes, nobody waits for ever, and nothing is lost when somebody stops waiting."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import ErrorCode, PermanentError
from consumer.job.frame_memory import FrameMemory
from tests.unit.job.fakes import Bench

LIMIT = 100


@given(
    sizes=st.lists(st.integers(1, 150), min_size=1, max_size=30),
    cancelled=st.sets(st.integers(0, 29)),
    pauses=st.lists(st.integers(0, 3), min_size=30, max_size=30),
)
def test_never_more_than_the_limit_unless_alone(sizes: list[int], cancelled: set[int], pauses: list[int]) -> None:
    async def play() -> None:
        memory, held, served = FrameMemory(LIMIT), [0], list[int]()

        async def use(number: int) -> None:
            async with memory.of(sizes[number]):
                served.append(number)
                held[0] += sizes[number]
                assert held[0] == memory.used
                assert held[0] <= LIMIT or held[0] == sizes[number]
                for _ in range(pauses[number]):
                    await asyncio.sleep(0)
                held[0] -= sizes[number]

        tasks = [asyncio.create_task(use(number)) for number in range(len(sizes))]
        await asyncio.sleep(0)
        for number in cancelled:
            if number < len(tasks):
                tasks[number].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert memory.used == 0
        assert served == sorted(served), "first come, first served"
        assert {*range(len(sizes))} - cancelled <= {*served}

    asyncio.run(play())


async def test_chunks_wait_for_memory_not_only_for_the_engine() -> None:
    small = Bench(max_concurrent_chunks=8, decoders=8, max_frame_bytes=1)
    small.engine.gate = asyncio.Event()
    running = asyncio.create_task(small.run())
    async with asyncio.timeout(20):
        while not small.engine.in_flight:
            await asyncio.sleep(0.001)
    for _ in range(50):
        await asyncio.sleep(0.001)
    assert small.media.decoded == [0], "one chunk is larger than that; it is alone"
    small.engine.gate.set()
    assert (await running).status == "succeeded"
    assert small.media.decoded == [0, 1, 2, 3, 4]


async def test_a_chunk_that_fails_gives_its_memory_back() -> None:
    bench = Bench(max_concurrent_chunks=8, decoders=8, max_frame_bytes=1, retry_seconds=0)
    unreadable = PermanentError(ErrorCode.MEDIA_UNREADABLE, "It is damaged.")
    bench.media.failures = {0: [unreadable], 2: [unreadable]}
    assert (await bench.run()).status == "partial"
    assert bench.media.decoded == [0, 1, 2, 3, 4]
