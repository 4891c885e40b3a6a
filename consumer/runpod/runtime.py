"""Engine and job runner in an event loop of their own, so that the model is loaded before the first request comes."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from consumer.events.models import ChunkResult, VideoJob, VideoResult
from consumer.inference.engine import Engine
from consumer.inference.factory import make_engine
from consumer.job import JobRunner, Run, WatchedRunner
from consumer.job.first_light import start_trusted
from consumer.job.tools import Tools
from consumer.media.library import MediaLibrary
from consumer.settings import Settings
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.tracing_choice import make_tracing

_T = TypeVar("_T")
STOP_SECONDS = 30.0


class Runtime:
    """What a server process needs to do jobs; `describe` may be awaited in any event loop.

    Args:
        worker: the process's name, for provenance.
        lost: called once, in another thread, when the engine answers no more.
    """

    def __init__(self, settings: Settings, worker: str, lost: Callable[[], None] = lambda: None) -> None:
        self._settings = settings
        self._engine: Engine = make_engine(settings)
        self._library = MediaLibrary.from_settings(settings)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="jobs", daemon=True)
        self.metrics = Metrics()
        self._tracing = make_tracing(settings, worker)
        self._runner = JobRunner(
            media=self._library,
            engine=self._engine,
            settings=settings,
            metrics=self.metrics,
            worker=worker,
            tools=Tools(tracing=self._tracing),
        )
        self._watched = WatchedRunner(self._runner, settings.engine_stall_seconds, lost)

    def start(self) -> None:
        """Load the model, and look whether its answers can be trusted.

        Raises:
            ConfigurationError: the model or a setting does not work.
        """
        self._thread.start()
        self._submit(start_trusted(self._engine, self._settings)).result()
        self._watched.start()

    async def describe(
        self, job: VideoJob, told: Callable[[ChunkResult], None]
    ) -> tuple[VideoResult, list[ChunkResult]]:
        """Do a job; cancelling it stops the work.

        Args:
            told: called with every chunk as it is finished, in the thread of the jobs.

        Raises:
            TransientError: ENGINE_DIED; this process cannot do anything any more.
        """
        return await asyncio.wrap_future(self._submit(self._describe(job, told)))

    def stop(self) -> None:
        """End the engine, then the threads."""
        self._watched.stop()
        if self._thread.is_alive():
            self._submit(self._engine.stop()).result(STOP_SECONDS)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(STOP_SECONDS)
        self._runner.close()
        self._library.close()
        self._tracing.stop()

    async def _describe(
        self, job: VideoJob, told: Callable[[ChunkResult], None]
    ) -> tuple[VideoResult, list[ChunkResult]]:
        chunks: list[ChunkResult] = []

        async def emit(chunk: ChunkResult) -> None:
            chunks.append(chunk)
            told(chunk)

        run = Run(run_id=str(uuid.uuid4()), attempt=1, recovered={})
        return await self._watched.run(job, run, emit), chunks

    def _submit(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)
