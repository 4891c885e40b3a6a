"""An engine behind which no request waits for ever: bounded by its budget, limited in time, tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from consumer.errors import ErrorCode, TransientError
from consumer.inference.budget import TokenNeed
from consumer.inference.engine import ChunkSubject, Engine, EngineInfo, EngineLimits, Generation, GenerationRequest
from consumer.job.engine_budget import engine_budget, is_near_step, request_need
from consumer.job.liveness import Stillness
from consumer.job.retry import retried
from consumer.job.tools import Tools
from consumer.job.turns import Turns
from consumer.settings import Settings
from consumer.telemetry.metrics import Metrics

_log = structlog.get_logger(__name__)


class GuardedEngine:
    """The Engine protocol on top of another engine, shared by all jobs of a process.

    Requests are prepared, and then they are in the engine within its budget (see `engine_budget`), jobs in fair turns,
    aggregations included; either is cancelled after GENERATE_TIMEOUT_SECONDS (ENGINE_TIMEOUT); transient errors are
    tried again for RETRY_SECONDS. The time that a request waited for its turn is part of `Generation.wait_seconds`.
    Starting and stopping the engine is its owner's business.
    """

    def __init__(self, engine: Engine, settings: Settings, metrics: Metrics, tools: Tools) -> None:
        self._engine, self._settings, self._tools = engine, settings, tools
        self._later = metrics.deferred.later
        self._tokens = [metrics.tokens_total.labels(kind=kind) for kind in ("vision", "prompt", "completion")]
        self._stillness = Stillness()
        self._in_engine = 0
        self._near_step_told = False
        self._turns: Turns | None = None
        self._begun: int | None = None
        metrics.engine_last_progress_seconds.set_function(self.still_seconds)
        metrics.engine_requests.set_function(lambda: self._in_engine)
        engine.on_step(self._stepped)

    @property
    def info(self) -> EngineInfo:
        return self._engine.info

    @property
    def limits(self) -> EngineLimits:
        return self._engine.limits

    @property
    def alive(self) -> bool:
        return self._engine.alive

    @property
    def progress(self) -> int:
        return self._engine.progress

    def on_step(self, listener: Callable[[int], None]) -> None:
        self._engine.on_step(listener)

    async def start(self) -> None:
        await self._engine.start()

    async def stop(self) -> None:
        await self._engine.stop()

    def count_tokens(self, text: str) -> int:
        return self._engine.count_tokens(text)

    def expect(self, job_id: str, tokens: int) -> None:
        """The job will want so many tokens in all; once the engine is started."""
        self._budgeted().expect(job_id, tokens)

    def leave(self, job_id: str) -> None:
        """The job is over: forget what it was given."""
        if self._turns is not None:
            self._turns.leave(job_id)

    def still_seconds(self) -> float:
        """Seconds since the engine last brought something on; 0 while nothing is asked of it. For any thread."""
        return self._stillness.look(
            busy=self._in_engine > 0, progress=self._engine.progress, now=self._tools.monotonic()
        )

    async def prepare(self, request: GenerationRequest) -> None:
        await self._engine.prepare(request)

    async def generate(self, request: GenerationRequest) -> Generation:
        """Answer one request.

        Raises:
            PermanentError: as the engine says.
            TransientError: ENGINE_TIMEOUT, after the last try; ENGINE_DIED, at once: the process must end.
        """
        need = request_need(request)
        self._tell_near_step(request, need.item)

        async def once(tries: int) -> Generation:
            # A try of its own name: the one before may still be on its way out of the engine.
            return await self._once(replace(request, request_id=f"{request.request_id}-{tries}"), need)

        limit, job_id = self._settings.retry_seconds, request.subject.job_id
        generation = await retried(once, limit=limit, tools=self._tools, what="generate", job_id=job_id)
        self._later(self._count, (generation.vision_tokens, generation.prompt_tokens, generation.completion_tokens))
        return generation

    def _count(self, tokens: Sequence[tuple[int, int, int]]) -> None:
        for counter, numbers in zip(self._tokens, zip(*tokens, strict=True), strict=True):
            counter.inc(sum(numbers))

    async def _once(self, request: GenerationRequest, need: TokenNeed) -> Generation:
        asked = self._tools.monotonic()
        with self._tools.tracing.stage("render"):
            async with self._limited():
                await self._engine.prepare(request)
        prepared = self._tools.monotonic()
        async with self._turn(request.subject.job_id, need):
            waited = self._tools.monotonic() - prepared
            subject = request.subject
            index = subject.chunk_index if isinstance(subject, ChunkSubject) else None
            _log.debug("engine_asked", job_id=subject.job_id, chunk_index=index, request_id=request.request_id)
            self._begin()
            try:
                with self._tools.tracing.stage("generate") as span:
                    async with self._limited():
                        generation = await self._engine.generate(request)
                    span.tell(prompt_tokens=generation.prompt_tokens, completion_tokens=generation.completion_tokens)
            finally:
                self._in_engine -= 1
        return replace(
            generation,
            wait_seconds=generation.wait_seconds + waited,
            first_token_seconds=generation.first_token_seconds + prepared - asked,
            generate_seconds=generation.generate_seconds + prepared - asked,
        )

    @asynccontextmanager
    async def _turn(self, job_id: str, need: TokenNeed) -> AsyncIterator[None]:
        """The body while the request has its place in the engine's budget."""
        turns = self._budgeted()
        with self._tools.tracing.stage("wait"):
            item = await turns.take(job_id, need.total - need.answer, need.total)
        try:
            yield
        finally:
            turns.give_back(item)

    @asynccontextmanager
    async def _limited(self) -> AsyncIterator[None]:
        """The body within GENERATE_TIMEOUT_SECONDS, on a living engine."""
        if not self._engine.alive:
            raise TransientError(ErrorCode.ENGINE_DIED, "The engine's process ended.")
        limit = self._settings.generate_timeout_seconds
        try:
            async with asyncio.timeout(limit):
                yield
        except TimeoutError:
            message = f"The engine did not answer within GENERATE_TIMEOUT_SECONDS ({limit:g} s)."
            raise self._or_died(TransientError(ErrorCode.ENGINE_TIMEOUT, message)) from None
        except TransientError as error:
            raise self._or_died(error) from None

    def _budgeted(self) -> Turns:
        # Not before the first request: the engine knows its limits only once it is started.
        if self._turns is None:
            self._turns = Turns(engine_budget(self._engine.limits, self._settings.max_concurrent_chunks))
            self._tell()
        return self._turns

    def _stepped(self, begun: int) -> None:
        self._begun = begun
        self._tell()

    def _tell(self) -> None:
        if self._turns is not None and self._begun is not None:
            self._turns.tell(self._begun)

    def _begin(self) -> None:
        if self._in_engine == 0:
            self.still_seconds()
        self._in_engine += 1

    def _tell_near_step(self, request: GenerationRequest, item: int) -> None:
        if self._near_step_told or not is_near_step(item, self._engine.limits):
            return
        self._near_step_told = True
        _log.warning(
            "chunk_fills_a_step",
            job_id=request.subject.job_id,
            tokens=item,
            max_num_batched_tokens=self._engine.limits.max_num_batched_tokens,
            remedy="Lower max_vision_tokens or raise MAX_NUM_BATCHED_TOKENS: no other video is read beside this one.",
        )

    def _or_died(self, error: TransientError) -> TransientError:
        """Whatever went wrong: with a dead engine it is the engine's death, and no chunk is to blame."""
        if self._engine.alive or error.code is ErrorCode.ENGINE_DIED:
            return error
        return TransientError(ErrorCode.ENGINE_DIED, f"The engine's process ended ({error.message})")
