"""Runs jobs: open, plan, chunks side by side, aggregate, final event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from structlog.contextvars import bound_contextvars

from consumer.errors import CodedError, ErrorCode, PermanentError
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from consumer.inference.aggregation import Aggregate
from consumer.inference.engine import Engine
from consumer.job.admission import Admission
from consumer.job.chunk import ChunkWorker
from consumer.job.context import JobContext, make_context
from consumer.job.final import Ending, make_final
from consumer.job.guard import GuardedEngine
from consumer.job.results import error_info
from consumer.job.retry import retried
from consumer.job.run import Drained, Emit, Run, require_time
from consumer.job.second import SecondQuestions, Stored, StoredResults, as_cut
from consumer.job.sources import Sources
from consumer.job.summary import summarize
from consumer.job.tools import Tools
from consumer.job.zoom import Question, zoom
from consumer.media.chunks import Chunk
from consumer.media.info import MediaInfo
from consumer.media.library import Media, MediaLibrary, decoder_count
from consumer.settings import Settings
from consumer.telemetry.metrics import Metrics

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _State:
    """What a run has so far."""

    started: float
    results: dict[int, ChunkResult]
    info: MediaInfo | None = None
    context: JobContext | None = None
    fetch_seconds: float = 0.0
    bytes_counted: int = 0

    def in_order(self) -> list[ChunkResult]:
        return [self.results[index] for index in sorted(self.results)]


class JobRunner:
    """Turns jobs into results; any number of jobs at once, in one event loop.

    All jobs share the decoder threads, the memory for frames and the engine, each in turns that a `Schedule` gives: a
    long job delays a short one by little. A job has one chunk at a time waiting for admission, so the chunks of each
    begin in order of index. Chunks whose frames are in memory are at most MAX_CONCURRENT_CHUNKS, which the engine works
    on, and one a decoder thread, which wait for it.

    Args:
        media: opens videos; stays the caller's to close.
        engine: started; stays the caller's to stop.
        worker: the process's name, for provenance.
        tools: clocks, sleep and chance.
        stored: finds the results that a second question is about.
    """

    def __init__(
        self,
        *,
        media: MediaLibrary,
        engine: Engine,
        settings: Settings,
        metrics: Metrics,
        worker: str,
        tools: Tools | None = None,
        stored: StoredResults | None = None,
    ) -> None:
        tools = tools or Tools()
        decoders = decoder_count(settings)
        self._settings, self._metrics, self._worker, self._tools = settings, metrics, worker, tools
        self._engine = GuardedEngine(engine, settings, metrics, tools)
        self._sources = Sources(media, settings, decoders)
        self._chunks = ChunkWorker(self._engine, self._sources, settings, metrics, tools)
        self._second = SecondQuestions(self._engine, stored, settings, tools, worker)
        self._admission = Admission(settings.max_concurrent_chunks + decoders)
        self._in_work, self._backlog = 0, metrics.backlog_video_seconds.labels(basis="in_work")
        metrics.chunks_in_flight.set_function(lambda: self._in_work)

    async def run(self, job: VideoJob, run: Run, emit: Emit) -> VideoResult:
        """Do the job; each new chunk result goes to `emit` as soon as it is there, failed ones included.

        Recovered chunk results count in everything (totals, coverage, aggregation) and are neither computed nor emitted
        again, failed ones included: they are published, and nothing unpublishes them. That holds only if this run's
        plan (its chunks and the source's identity, see `make_plan`) is the one they were made by. Otherwise nothing is
        computed, and the job ends with SOURCE_CHANGED and what was published.

        A job that cannot go on as a whole (source, file, plan, deadline) ends here with its code: `failed`, or
        `partial` if recovered chunks succeeded. `deadline` counts for the first start only. `run.stop` ends the job as
        `cancelled`: what was emitted is kept. To cancel the coroutine aborts its requests, and leaves no result.

        Raises:
            TransientError: ENGINE_DIED. No chunk is blamed; the process must end, and the job resumes elsewhere.
            Drained: `drain` was called before all chunks were begun.
        """
        if self._admission.draining:
            raise Drained
        begun = self._tools.tracing.job(run.parent, job_id=job.job_id, run_id=run.run_id, attempt=run.attempt)
        with begun as span, bound_contextvars(**run.told(job, span.trace_id)):
            run.progress.span = span.context
            try:
                final = await self._run(job, run, emit)
            finally:
                self._leave(job)
            span.tell(status=final.status, chunks=final.num_chunks)
            if final.error is not None:
                span.failed(final.error.code.value)
        return final

    async def _run(self, job: VideoJob, run: Run, emit: Emit) -> VideoResult:
        state = _State(self._tools.monotonic(), dict(run.recovered))
        try:
            require_time(job, run, self._tools.now_ms())
            stored = await run.stop.unless(self._second.stored(job))
            if stored is not None and not job.zoom:
                return await run.stop.unless(self._second.again(job, run, stored))
            media = await run.stop.unless(self._open(job, state), undo=lambda media: media.close())
        except CodedError as error:
            if error.code is ErrorCode.ENGINE_DIED:
                raise
            return self._final(job, run, state, error)
        try:
            return await self._describe(as_cut(job, stored), run, emit, state, media, stored)
        except PermanentError as error:
            return self._final(job, run, state, error)
        finally:
            self._count_bytes(media, state)
            media.close()

    async def zoom(self, job: VideoJob, run: Run, question: Question) -> ChunkResult:
        """Answer another question about a part of one chunk of a job, with a whole chunk's frames (see `Question`).

        Args:
            run: of the job; with its `recovered` results the chunks are those that it was cut into.

        Raises:
            PermanentError, TransientError: the video cannot be opened or planned; else as `consumer.job.zoom.zoom`.
        """
        state = _State(self._tools.monotonic(), {})
        media = await self._open(job, state)
        try:
            context = self._context(job, run, media)
            return await zoom(self._chunks, self._engine, context, media, question)
        finally:
            self._count_bytes(media, state)
            media.close()
            self._leave(job)

    @property
    def engine_alive(self) -> bool:
        """See `Engine.alive`; for any thread."""
        return self._engine.alive

    def engine_still_seconds(self) -> float:
        """Seconds since the engine last brought something on; 0 while nothing is asked of it. For any thread."""
        return self._engine.still_seconds()

    def drain(self) -> None:
        """Begin no further chunk and no further job; chunks in work may finish. Call it in the event loop."""
        self._admission.draining = True

    def close(self) -> None:
        """Let the threads end; for when no job runs any more."""
        self._sources.close()

    def _leave(self, job: VideoJob) -> None:
        for shared in (self._admission, self._sources, self._engine):
            shared.leave(job.job_id)

    async def _open(self, job: VideoJob, state: _State) -> Media:
        async def once(_: int) -> Media:
            return await self._sources.open(job)

        limit = self._settings.retry_seconds
        with self._tools.tracing.stage("fetch"):
            media = await retried(once, limit=limit, tools=self._tools, what="open", job_id=job.job_id)
        state.fetch_seconds = self._tools.monotonic() - state.started
        return media

    async def _describe(
        self, job: VideoJob, run: Run, emit: Emit, state: _State, media: Media, stored: Stored | None
    ) -> VideoResult:
        state.info = media.info
        context = state.context = self._context(job, run, media)
        if stored is not None:
            state.context = await run.stop.unless(self._second.zoomed(context, stored))
        await self._all_chunks(state.context, media, emit, state)
        run.progress.stage = "aggregating"
        try:
            with self._tools.tracing.stage("aggregate"):
                made = summarize(self._engine, state.context, state.in_order(), self._settings, self._tools)
                summary = await run.stop.unless(made)
        except CodedError as error:
            if error.code is ErrorCode.ENGINE_DIED:
                raise
            _log.warning("aggregation_failed", job_id=job.job_id, run_id=run.run_id, code=error.code.value)
            return self._final(job, run, state, error)
        return self._final(job, run, state, None, summary)

    def _context(self, job: VideoJob, run: Run, media: Media) -> JobContext:
        return make_context(
            job,
            run,
            info=media.info,
            identity=media.identity,
            engine=self._engine,
            settings=self._settings,
            worker=self._worker,
        )

    async def _all_chunks(self, context: JobContext, media: Media, emit: Emit, state: _State) -> None:
        recovered = context.run.recovered
        missing = [chunk for chunk in context.plan.chunks if chunk.index not in recovered]
        # Chunks begin in order, so an earlier run had begun every missing one below what it published.
        begun_before = max(recovered, default=-1)
        self._metrics.job_video_seconds.observe(context.plan.span[1] - context.plan.span[0])
        self._metrics.recomputed_chunks_total.inc(sum(chunk.index < begun_before for chunk in missing))
        for one in (self._admission, self._sources, self._engine):
            one.expect(context.job.job_id, len(missing) * context.vision_tokens)
        context.run.progress.planned(len(context.plan.chunks), context.plan.span[1] - context.plan.span[0])
        backlog = sum(chunk.seconds for chunk in missing)
        self._backlog.inc(backlog)
        try:
            await self._admission.side_by_side(
                missing, lambda chunk: self._one_chunk(context, media, chunk, emit, state), context
            )
        finally:
            done = sum(chunk.seconds for chunk in missing if chunk.index in state.results)
            self._backlog.dec(backlog - done)
        if len(state.results) < len(context.plan.chunks):
            raise context.run.stop.reason or Drained

    async def _one_chunk(self, context: JobContext, media: Media, chunk: Chunk, emit: Emit, state: _State) -> None:
        """Compute and emit one chunk; when the run is stopped, what is computed is dropped, what is emitted goes on."""
        run, tracing = context.run, self._tools.tracing
        with (
            self._counted(run),
            bound_contextvars(chunk=chunk.index),
            tracing.stage("chunk", chunk=chunk.index, start_time=chunk.start_time, end_time=chunk.end_time) as span,
        ):
            try:
                result = await run.stop.unless(self._chunks.compute(context, media, chunk))
            except PermanentError:
                return
            if result.error is not None:
                span.failed(result.error.code.value)
            self._count_bytes(media, state)
            with tracing.stage("publish"):
                await emit(result)
        state.results[chunk.index] = result
        self._metrics.deferred.later(self._less_backlog, chunk.seconds)

    @contextmanager
    def _counted(self, run: Run) -> Iterator[None]:
        """A chunk of the run is in work for as long as the body lasts."""
        self._in_work += 1
        run.progress.chunks_in_work += 1
        try:
            yield
        finally:
            self._in_work -= 1
            run.progress.chunks_in_work -= 1

    def _less_backlog(self, seconds: Sequence[float]) -> None:
        self._backlog.dec(sum(seconds))

    def _count_bytes(self, media: Media, state: _State) -> None:
        if more := media.bytes_read - state.bytes_counted:
            self._metrics.deferred.later(self._metrics.count_bytes, more)
            state.bytes_counted += more

    def _final(
        self, job: VideoJob, run: Run, state: _State, trouble: CodedError | None, summary: Aggregate | None = None
    ) -> VideoResult:
        seconds = self._tools.monotonic() - state.started
        ending = Ending(
            results=state.in_order(),
            trouble=error_info(trouble) if trouble is not None else None,
            info=state.info,
            context=state.context,
            aggregate=summary,
            fetch_seconds=state.fetch_seconds,
            seconds=seconds,
            now_ms=self._tools.now_ms(),
        )
        final = make_final(job, run, ending)
        if final.coverage is not None and seconds > 0:
            self._metrics.realtime_factor.observe(final.coverage.covered_seconds / seconds)
        return final
