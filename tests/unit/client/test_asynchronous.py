"""The client for asyncio: the same answers, readers of their own, and nothing left open."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from consumer.client import AsyncVideoJobs, RefusedJobError, WaitTimeoutError
from consumer.errors import ConfigurationError
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from tests.unit.client.fakes import CODEC, SETTINGS, FakeKafka
from tests.unit.stream.builders import chunk, final, job


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    return FakeKafka.installed(monkeypatch)


async def closed(kafka: FakeKafka) -> None:
    """Readers are closed by their threads, a moment later."""
    async with asyncio.timeout(20):
        while kafka.open:
            await asyncio.sleep(0)


async def test_jobs_are_submitted_and_stopped_and_the_client_closed(kafka: FakeKafka) -> None:
    async with AsyncVideoJobs(SETTINGS) as client:
        first, second = await asyncio.gather(client.submit(job()), client.submit(job("other")))
        await client.cancel(first, "wrong file")
        with pytest.raises(RefusedJobError):
            await client.submit(VideoJob(job_id="j", video_url="ftp://h/x", prompt="p"))
    assert [key for _, key, _, _ in kafka.sent] == ["job", "other", "job"]
    assert CODEC.decode(VideoJob, kafka.sent[0][2]) == job()
    assert (first.job_id, second.job_id) == ("job", "other")
    assert kafka.open == 0


async def test_chunks_come_one_by_one_and_then_the_final_result(kafka: FakeKafka) -> None:
    kafka.publish(chunk(0, num_chunks=2), chunk(1, num_chunks=2), final(2))
    client = AsyncVideoJobs(SETTINGS)
    assert [one.chunk_index async for one in client.chunks("job", timeout=60)] == [0, 1]
    events = [event async for event in client.follow(["job"], timeout=60)]
    assert [type(event) for event in events] == [ChunkResult, ChunkResult, VideoResult]
    waited, found = await asyncio.gather(client.wait("job", timeout=60), client.results("job"))
    assert waited == found.final == final(2)
    assert [event async for event in client.follow([])] == []
    await client.close()
    await closed(kafka)


async def test_time_that_is_over_is_told_as_by_the_other_client(kafka: FakeKafka) -> None:
    client = AsyncVideoJobs(SETTINGS)
    with pytest.raises(WaitTimeoutError, match="no final result of job after 0 s"):
        await client.wait("job", timeout=0.0)
    await closed(kafka)


async def test_who_stops_early_or_is_cancelled_leaves_no_reader(kafka: FakeKafka) -> None:
    kafka.publish(chunk(0), chunk(1))
    client = AsyncVideoJobs(SETTINGS)
    async with aclosing(client.follow(["job"])) as events:
        assert isinstance(await anext(events), ChunkResult)
    await closed(kafka)
    waiting = asyncio.create_task(client.wait("job"))
    async with asyncio.timeout(20):
        while not kafka.open:
            await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await closed(kafka)


async def test_a_reader_that_could_not_begin_says_why(kafka: FakeKafka) -> None:
    del kafka.topics["video.results"]
    with pytest.raises(ConfigurationError, match=r"The topic video\.results does not exist"):
        await AsyncVideoJobs(SETTINGS).wait("job", timeout=60)
    assert kafka.open == 0
