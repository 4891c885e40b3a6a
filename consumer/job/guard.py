"""An engine behind which no request waits for ever: bounded in number, limited in time, tried again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import structlog

from consumer.errors import ErrorCode, TransientError
from consumer.inference.engine import ChunkSubject, Engine, EngineInfo, EngineLimits, Generation, GenerationRequest
from consumer.job.retry import retried
from consumer.job.tools import Tools
from consumer.settings import Settings
from consumer.telemetry.metrics import Metrics

_log = structlog.get_logger(__name__)


class GuardedEngine:
    """The Engine protocol on top of another engine, shared by all jobs of a process.

    At most MAX_CONCURRENT_CHUNKS requests are in the engine; each is cancelled there after GENERATE_TIMEOUT_SECONDS
    (ENGINE_TIMEOUT); transient errors are tried again for RETRY_SECONDS. The time that a request waited for its turn is
    part of `Generation.wait_seconds`. Starting and stopping the engine is its owner's business.
    """

    def __init__(self, engine: Engine, settings: Settings, metrics: Metrics, tools: Tools) -> None:
        self._engine, self._settings, self._metrics, self._tools = engine, settings, metrics, tools
        self._turns = asyncio.Semaphore(settings.max_concurrent_chunks)
        self._in_engine, self._progressed = 0, 0.0
        metrics.engine_last_progress_seconds.set_function(self._since_progress)

    @property
    def info(self) -> EngineInfo:
        return self._engine.info

    @property
    def limits(self) -> EngineLimits:
        return self._engine.limits

    @property
    def alive(self) -> bool:
        return self._engine.alive

    async def start(self) -> None:
        await self._engine.start()

    async def stop(self) -> None:
        await self._engine.stop()

    def count_tokens(self, text: str) -> int:
        return self._engine.count_tokens(text)

    async def generate(self, request: GenerationRequest) -> Generation:
        """Answer one request.

        Raises:
            PermanentError: as the engine says.
            TransientError: ENGINE_TIMEOUT, after the last try; ENGINE_DIED, at once: the process must end.
        """

        async def once(tries: int) -> Generation:
            # A try of its own name: the one before may still be on its way out of the engine.
            return await self._once(replace(request, request_id=f"{request.request_id}-{tries}"))

        limit, job_id = self._settings.retry_seconds, request.subject.job_id
        generation = await retried(once, limit=limit, tools=self._tools, what="generate", job_id=job_id)
        counted = self._metrics.tokens_total
        counted.labels(kind="vision").inc(generation.vision_tokens)
        counted.labels(kind="prompt").inc(generation.prompt_tokens)
        counted.labels(kind="completion").inc(generation.completion_tokens)
        return generation

    async def _once(self, request: GenerationRequest) -> Generation:
        asked = self._tools.monotonic()
        async with self._turns:
            waited = self._tools.monotonic() - asked
            if not self._engine.alive:
                raise TransientError(ErrorCode.ENGINE_DIED, "The engine's process ended.")
            limit = self._settings.generate_timeout_seconds
            subject = request.subject
            index = subject.chunk_index if isinstance(subject, ChunkSubject) else None
            _log.debug("engine_asked", job_id=subject.job_id, chunk_index=index, request_id=request.request_id)
            self._begin()
            try:
                async with asyncio.timeout(limit):
                    generation = await self._engine.generate(request)
                self._progressed = self._tools.monotonic()
            except TimeoutError:
                message = f"The engine did not answer within GENERATE_TIMEOUT_SECONDS ({limit:g} s)."
                raise self._or_died(TransientError(ErrorCode.ENGINE_TIMEOUT, message)) from None
            except TransientError as error:
                raise self._or_died(error) from None
            finally:
                self._in_engine -= 1
        return replace(generation, wait_seconds=generation.wait_seconds + waited)

    def _begin(self) -> None:
        if self._in_engine == 0:
            self._progressed = self._tools.monotonic()
        self._in_engine += 1

    def _since_progress(self) -> float:
        """Seconds since the engine last answered; 0 while nothing is asked of it."""
        return self._tools.monotonic() - self._progressed if self._in_engine else 0.0

    def _or_died(self, error: TransientError) -> TransientError:
        """Whatever went wrong: with a dead engine it is the engine's death, and no chunk is to blame."""
        if self._engine.alive or error.code is ErrorCode.ENGINE_DIED:
            return error
        return TransientError(ErrorCode.ENGINE_DIED, f"The engine's process ended ({error.message})")
