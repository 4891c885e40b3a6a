"""One chunk: frames, question, answer, checks; whatever fails for good becomes a failed result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from consumer.errors import CodedError, ErrorCode
from consumer.events.models import ChunkResult, Frames, Timings, Tokens
from consumer.inference.asking import Exchange, ask
from consumer.inference.budget import require_fit
from consumer.inference.engine import ChunkSubject, Clip, Engine, Generation, GenerationRequest
from consumer.inference.told_times import times_warning
from consumer.job.context import JobContext, with_sampling
from consumer.job.results import error_info
from consumer.job.retry import retried
from consumer.job.sources import Sources
from consumer.job.tools import Tools
from consumer.media.chunks import Chunk
from consumer.media.frames import FramePlan
from consumer.media.library import Media
from consumer.media.sampled import SampledFrames
from consumer.settings import Settings
from consumer.telemetry.metrics import CHUNK_STATUSES, STAGES, Metrics

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Progress:
    """How far a chunk came: what a failed result can still tell."""

    started: float
    exchange: Exchange
    plan: FramePlan | None = None
    times: tuple[float, ...] = ()
    lost: tuple[str, ...] = ()
    frames_seconds: float = 0.0
    fetch_seconds: float = 0.0
    decode_seconds: float = 0.0


class ChunkWorker:
    """Computes chunks of any job, one result each.

    Args:
        engine: limits, retries and the number of requests are its business (GuardedEngine).
    """

    def __init__(self, engine: Engine, sources: Sources, settings: Settings, metrics: Metrics, tools: Tools) -> None:
        self._engine, self._sources = engine, sources
        self._settings, self._metrics, self._tools = settings, metrics, tools
        # Looked up once, since there are chunks by the thousand.
        self._ended = {status: metrics.chunks_total.labels(status=status) for status in CHUNK_STATUSES}
        self._stages = {stage: metrics.chunk_stage_seconds.labels(stage=stage) for stage in STAGES}

    async def compute(self, context: JobContext, media: Media, chunk: Chunk) -> ChunkResult:
        """The chunk's result, successful or not.

        Raises:
            TransientError: ENGINE_DIED only.
        """
        progress = _Progress(self._tools.monotonic(), Exchange(context.sampling))
        error: CodedError | None = None
        try:
            plan = progress.plan = context.frames_of(chunk)
            require_fit(context.need(plan), self._engine.limits)
            async with self._sources.room(plan, context.job.job_id):
                await self._answer(context, chunk, await self._frames(context, media, plan, progress), progress)
        except CodedError as failure:
            if failure.code is ErrorCode.ENGINE_DIED:
                raise
            error = failure
            _log.warning(
                "chunk_failed",
                job_id=context.job.job_id,
                run_id=context.run.run_id,
                chunk=chunk.index,
                code=failure.code.value,
                reason=failure.message,
            )
        result = self._result(context, chunk, progress, error)
        answered = bool(progress.exchange.answers)
        self._metrics.deferred.later(self._count, _Counted.of(result, answered))
        return result

    async def _frames(self, context: JobContext, media: Media, plan: FramePlan, progress: _Progress) -> Clip:
        job = context.job

        async def decode(_: int) -> SampledFrames:
            return await self._sources.decode(media, plan, job.job_id)

        began = self._tools.monotonic()
        limit = self._settings.retry_seconds
        try:
            with self._tools.tracing.stage("decode") as span:
                sampled = await retried(decode, limit=limit, tools=self._tools, what="decode", job_id=job.job_id)
                span.tell(fetch_seconds=sampled.fetch_seconds, decode_seconds=sampled.decode_seconds)
        finally:
            progress.frames_seconds = self._tools.monotonic() - began
        progress.times, progress.lost = sampled.times, sampled.degraded
        progress.fetch_seconds, progress.decode_seconds = sampled.fetch_seconds, sampled.decode_seconds
        return Clip(sampled.pixels, sampled.times, plan.chunk.start_time)

    async def _answer(self, context: JobContext, chunk: Chunk, clip: Clip, progress: _Progress) -> None:
        """Ask, and look at what the answer says."""
        job, run = context.job, context.run
        request = GenerationRequest(
            request_id=f"{run.run_id}/{run.attempt}/{chunk.index}",
            prompt=job.prompt,
            system_prompt=job.system_prompt,
            clip=clip,
            sampling=context.sampling,
            subject=ChunkSubject(job.job_id, chunk.index),
        )
        text = await ask(self._engine, request, progress.exchange, self._tools.draw)
        warning = times_warning(text, **_shown_span(context, chunk), prompt=job.prompt)
        if warning is not None:
            progress.exchange.warnings.append(warning)

    def _result(self, context: JobContext, chunk: Chunk, progress: _Progress, error: CodedError | None) -> ChunkResult:
        job, run, plan, exchange = context.job, context.run, progress.plan, progress.exchange
        generation = exchange.generation
        return ChunkResult(
            chunk_index=chunk.index,
            start_time=chunk.start_time,
            end_time=chunk.end_time,
            success=error is None,
            response=generation.text if generation is not None and error is None else None,
            processing_time=self._tools.monotonic() - progress.started,
            job_id=job.job_id,
            run_id=run.run_id,
            num_chunks=len(context.plan.chunks),
            attempt=run.attempt,
            error=error_info(error) if error is not None else None,
            finish_reason=generation.finish_reason if generation is not None else None,
            truncated=generation is not None and generation.finish_reason == "length",
            degraded=[*_degraded(context, plan), *progress.lost],
            warnings=exchange.warnings,
            frames=_frames_shown(progress),
            tokens=_tokens(generation),
            timings=_timings(progress, generation),
            provenance=with_sampling(context.provenance, exchange.sampling),
            parsed=exchange.parsed if error is None else None,
            metadata=job.metadata,
            created_at=self._tools.now_ms(),
        )

    def _count(self, chunks: Sequence[_Counted]) -> None:
        metrics = self._metrics
        good = [one for one in chunks if one.code is None]
        self._ended["succeeded"].inc(len(good))
        self._ended["failed"].inc(len(chunks) - len(good))
        metrics.video_seconds_total.inc(sum(one.seconds for one in good))
        for code in (one.code for one in chunks if one.code is not None):
            metrics.chunk_failures_total.labels(code=code).inc()
        shown = [one for one in chunks if one.frames is not None]
        metrics.frames_total.inc(sum(one.frames or 0 for one in shown))
        answered = [one for one in chunks if one.answered]
        for stage, histogram in self._stages.items():
            there = shown if stage in ("fetch", "decode") else answered
            histogram.observe_all([getattr(one.timings, stage) for one in there])


@dataclass(frozen=True, slots=True)
class _Counted:
    """What the metrics are told of a chunk: not its answer, which may be long and is wanted elsewhere."""

    code: str | None
    frames: int | None
    answered: bool
    seconds: float
    timings: Timings

    @classmethod
    def of(cls, result: ChunkResult, answered: bool) -> _Counted:
        return cls(
            code=result.error.code.value if result.error is not None else None,
            frames=result.frames.count if result.frames is not None else None,
            answered=answered,
            seconds=result.end_time - result.start_time,
            timings=result.timings,
        )


def _shown_span(context: JobContext, chunk: Chunk) -> dict[str, float]:
    """From when to when the chunk goes in the times that the model was shown."""
    zero = context.zero(chunk)
    return {"start": chunk.start_time - zero, "end": chunk.end_time - zero}


def _degraded(context: JobContext, plan: FramePlan | None) -> list[str]:
    if plan is None or not plan.degraded:
        return []
    asked, given = context.job.max_vision_tokens, context.vision_tokens
    why = f"max_vision_tokens {asked} lowered to {given} to fit MAX_MODEL_LEN and MAX_NUM_BATCHED_TOKENS"
    return [why, *plan.degraded] if given < asked else list(plan.degraded)


def _frames_shown(progress: _Progress) -> Frames | None:
    plan, times = progress.plan, progress.times
    if plan is None or not times:
        return None
    return Frames(
        count=len(times),
        fps=plan.fps,
        width=plan.width,
        height=plan.height,
        first_time=times[0],
        last_time=times[-1],
    )


def _tokens(generation: Generation | None) -> Tokens:
    if generation is None:
        return Tokens()
    return Tokens(
        vision=generation.vision_tokens, prompt=generation.prompt_tokens, completion=generation.completion_tokens
    )


def _timings(progress: _Progress, generation: Generation | None) -> Timings:
    """Waiting is what lies between: for a decoder, before another try, for the engine."""
    wait = max(0.0, progress.frames_seconds - progress.fetch_seconds - progress.decode_seconds)
    if generation is None:
        return Timings(fetch=progress.fetch_seconds, decode=progress.decode_seconds, wait=wait)
    return Timings(
        fetch=progress.fetch_seconds,
        decode=progress.decode_seconds,
        wait=wait + generation.wait_seconds,
        first_token=generation.first_token_seconds,
        generate=generation.generate_seconds,
    )
