"""Frames in memory are bounded by bytes over all jobs, and what fails gives its bytes back."""

from __future__ import annotations

import asyncio

from consumer.errors import ErrorCode, PermanentError
from tests.unit.job.fakes import Bench


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
