"""Opening and decoding videos in threads, within time limits."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from contextvars import copy_context
from functools import partial
from typing import TypeVar

from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.events.models import VideoJob
from consumer.job.schedule import Budget
from consumer.job.turns import Turns
from consumer.media.frames import FramePlan
from consumer.media.library import Media, MediaLibrary
from consumer.media.sampled import SampledFrames
from consumer.settings import Settings

_T = TypeVar("_T")


class Sources:
    """The threads that open and decode videos, shared by all jobs of a process.

    Opening waits for the network and decoding for the CPU, so each has threads of its own. The media keeps to the time
    limits by itself; those here hold even where a thread hangs inside a library. A thread cannot be stopped from
    outside: it is left to end by itself, and its decoder slot is free only then.
    """

    def __init__(self, library: MediaLibrary, settings: Settings, decoders: int) -> None:
        self._library, self._settings = library, settings
        self._openers = ThreadPoolExecutor(settings.max_concurrent_jobs, "open")
        self._decoders = ThreadPoolExecutor(decoders, "decode")
        self._turns = Turns(Budget(decoders))
        self._memory = Turns(Budget(size=settings.max_frame_bytes))

    async def open(self, job: VideoJob) -> Media:
        """Find and probe the video; the caller closes it.

        Raises:
            PermanentError: the address or the file is wrong.
            TransientError: the store does not answer, SOURCE_UNREACHABLE after PROBE_TIMEOUT_SECONDS.
        """
        limit = self._settings.probe_timeout_seconds
        opening = partial(self._library.open, video_url=job.video_url, video_path=job.video_path)
        # In the task's context: what the library logs says for which job.
        future = self._openers.submit(copy_context().run, opening)
        try:
            return await _within(limit, future)
        except (TimeoutError, asyncio.CancelledError) as error:
            future.add_done_callback(_close_unused)
            if isinstance(error, asyncio.CancelledError):
                raise
            message = f"The video was not opened within PROBE_TIMEOUT_SECONDS ({limit:g} s)."
            raise TransientError(ErrorCode.SOURCE_UNREACHABLE, message) from None

    def room(self, plan: FramePlan, job_id: str) -> AbstractAsyncContextManager[None]:
        """MAX_FRAME_BYTES for the frames of one chunk, had for as long as the body lasts; jobs take turns."""
        return self._memory.turn(job_id, plan.vision_tokens, plan.bytes)

    async def decode(self, media: Media, plan: FramePlan, job_id: str) -> SampledFrames:
        """The frames of one chunk; jobs take turns. The time limit counts from the moment that a thread has it.

        Raises:
            PermanentError: as the media says, or MEDIA_UNREADABLE after DECODE_TIMEOUT_SECONDS.
            TransientError: the store does not answer.
        """
        turn = await self._turns.take(job_id, plan.vision_tokens)
        loop = asyncio.get_running_loop()

        def finished(_: Future[SampledFrames]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._turns.give_back, turn)

        future = self._decoders.submit(copy_context().run, media.decode, plan)
        future.add_done_callback(finished)
        limit = self._settings.decode_timeout_seconds
        try:
            return await _within(limit, future)
        except TimeoutError:
            message = f"The frames of a chunk were not decoded within DECODE_TIMEOUT_SECONDS ({limit:g} s)."
            raise PermanentError(ErrorCode.MEDIA_UNREADABLE, message) from None

    def expect(self, job_id: str, tokens: int) -> None:
        """The job's frames will be so many tokens in all."""
        self._turns.expect(job_id, tokens)
        self._memory.expect(job_id, tokens)

    def leave(self, job_id: str) -> None:
        """The job is over: forget what it was given."""
        self._turns.leave(job_id)
        self._memory.leave(job_id)

    def close(self) -> None:
        """Start nothing new; threads that still work end by themselves."""
        self._openers.shutdown(wait=False, cancel_futures=True)
        self._decoders.shutdown(wait=False, cancel_futures=True)


async def _within(seconds: float, future: Future[_T]) -> _T:
    """The future's result; on time-out or cancellation it is abandoned (and never begins, if it has not yet)."""
    async with asyncio.timeout(seconds):
        return await asyncio.wrap_future(future)


def _close_unused(future: Future[Media]) -> None:
    """What an abandoned opening brings after all."""
    if not future.cancelled() and future.exception() is None:
        future.result().close()
