"""`AsyncVideoJobs`: the same client for asyncio; what blocks runs in threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from consumer.client.follower import Follower
from consumer.client.jobs import SUBMIT_SECONDS, JobResults, VideoJobs
from consumer.client.producer import JobHandle
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from consumer.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")


class AsyncVideoJobs:
    """`VideoJobs` with coroutines; each raises what its namesake there raises. Any number may run side by side.

    Use it as an async context manager or call `close`.
    """

    def __init__(self, settings: Settings | None = None, submit_seconds: float = SUBMIT_SECONDS) -> None:
        self._client = VideoJobs(settings, submit_seconds)
        # One, since the client is not for several threads at once.
        self._thread = ThreadPoolExecutor(1, "video-jobs")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def submit(self, job: VideoJob) -> JobHandle:
        """Write a job; its record is there when this returns. Cancelled, it may be there or not."""
        return await self._run(self._client.submit, job)

    async def cancel(self, job: JobHandle | str, reason: str | None = None) -> None:
        """Ask for a stop."""
        await self._run(self._client.cancel, job, reason)

    async def upload(self, path: str | Path) -> str:
        """Put a file into the bucket; returns its address. Several may be under way."""
        return await asyncio.to_thread(self._client.upload, path)

    async def results(self, job: JobHandle | str, run_id: str | None = None) -> JobResults:
        """What is there of a job now."""
        return await self._run(self._client.results, job, run_id)

    async def wait(self, job: JobHandle | str, timeout: float | None = None) -> VideoResult:
        """The final result of a job, once it is there."""
        async for event in self.follow([job], timeout):
            if isinstance(event, VideoResult):
                return event
        raise AssertionError("following ends with the final result")

    async def chunks(self, job: JobHandle | str, timeout: float | None = None) -> AsyncGenerator[ChunkResult, None]:
        """The chunk results of a job as they are committed, until it is done."""
        async for event in self.follow([job], timeout):
            if isinstance(event, ChunkResult):
                yield event

    async def follow(
        self, jobs: Collection[JobHandle | str] | None, timeout: float | None = None
    ) -> AsyncGenerator[ChunkResult | VideoResult, None]:
        """Chunk results and final results of jobs as they are committed; a reader and a thread of its own.

        Whoever stops early closes the iterator (`contextlib.aclosing`), or leaves it to the event loop.
        """
        if jobs is not None and not jobs:
            return
        reading = ThreadPoolExecutor(1, "video-jobs-reader")
        opened = reading.submit(self._client.beside().follower, jobs, timeout)
        try:
            follower = await asyncio.wrap_future(opened)
            while not follower.done:
                for event in await asyncio.wrap_future(reading.submit(follower.step)):
                    yield event
                follower.require_time()
        finally:
            # Behind a step that may still be waiting.
            reading.submit(_close, opened)
            reading.shutdown(wait=False)

    async def close(self) -> None:
        """Let go of the clients; may be called twice."""
        await asyncio.to_thread(self._thread.shutdown)
        self._client.close()

    async def _run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.wrap_future(self._thread.submit(call, *args, **kwargs))


def _close(opened: Future[Follower]) -> None:
    if not opened.cancelled() and opened.exception() is None:
        opened.result().close()
