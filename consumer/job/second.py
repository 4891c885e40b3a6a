"""A second question on a finished job: from its stored answers alone, or by a second look at the chunks that matter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from consumer.errors import CodedError, ErrorCode, PermanentError
from consumer.events.models import ChunkResult, Timings, Tokens, VideoJob, VideoResult
from consumer.inference.choosing import Choice, choose
from consumer.inference.engine import Engine
from consumer.job.again import AgainRequest, aggregate_again
from consumer.job.context import JobContext
from consumer.job.plan import length_of
from consumer.job.retry import retried
from consumer.job.run import Run
from consumer.job.summary import chunk_texts
from consumer.job.tools import Tools
from consumer.settings import Settings

MOST_CHUNKS = 8
"""Chunks that are looked at again, at most: a few minutes of video, however long it is."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A finished job's results; chunks by index."""

    final: VideoResult
    chunks: tuple[ChunkResult, ...]


StoredResults = Callable[[str, str], Stored]
"""Finds the results of a job by job_id and run_id; blocks.

Raises PermanentError, there are none; TransientError, nobody answers."""


class SecondQuestions:
    """What a job with `source_job_id` does.

    Args:
        find: None where there is nothing to find them in.
        worker: the process's name, for provenance.
    """

    def __init__(
        self, engine: Engine, find: StoredResults | None, settings: Settings, tools: Tools, worker: str
    ) -> None:
        self._engine, self._find = engine, find
        self._settings, self._tools, self._worker = settings, tools, worker

    async def stored(self, job: VideoJob) -> Stored | None:
        """The results that the job asks about; None for a job of its own.

        Raises:
            PermanentError: EVENT_INVALID, there are none.
            TransientError: SOURCE_UNREACHABLE, after RETRY_SECONDS.
        """
        source, run_id = job.source_job_id, job.source_run_id
        if source is None or run_id is None:
            return None
        find = self._find
        if find is None:
            message = "source_job_id asks about results in Kafka, and this process has none; submit it as a job."
            raise PermanentError(ErrorCode.EVENT_INVALID, message)

        async def once(_: int) -> Stored:
            return await asyncio.to_thread(find, source, run_id)

        limit = self._settings.retry_seconds
        return await retried(once, limit=limit, tools=self._tools, what="stored_results", job_id=job.job_id)

    async def again(self, job: VideoJob, run: Run, stored: Stored) -> VideoResult:
        """The stored answers, put together as this job asks; its final result, whose chunks are those of the source.

        Its tokens are what this answer took.

        Raises:
            PermanentError, TransientError: as `aggregate_again`.
        """
        # The engine's turns go by job: by this one.
        ours = {"job_id": job.job_id}
        request = AgainRequest(
            run_id=f"{run.run_id}/{run.attempt}",
            aggregation_prompt=job.aggregation_prompt or job.prompt,
            worker=self._worker,
            prompt=job.prompt,
            system_prompt=job.system_prompt,
        )
        made = await aggregate_again(
            self._engine,
            stored.final.model_copy(update=ours),
            [one.model_copy(update=ours) for one in stored.chunks],
            request,
            settings=self._settings,
            tools=self._tools,
        )
        lineage = {"source_job_id": job.source_job_id, "source_run_id": job.source_run_id}
        provenance = made.provenance
        return made.model_copy(
            update={
                "run_id": run.run_id,
                "attempts": run.attempt,
                "metadata": job.metadata,
                "tokens": made.aggregation.tokens if made.aggregation is not None else Tokens(),
                "timings": Timings(),
                "provenance": provenance.model_copy(update=lineage) if provenance is not None else None,
            }
        )

    async def zoomed(self, context: JobContext, stored: Stored) -> JobContext:
        """The same run, over the chunks that matter to its question, and those that an earlier try described.

        Raises:
            PermanentError: SOURCE_CHANGED, the video is not the one that was described; EVENT_INVALID, no chunk was;
                else as the model's choice fails.
            TransientError: ENGINE_DIED.
        """
        described = [one for one in stored.chunks if one.success]
        source = context.job.source_job_id
        if not described:
            message = f"No chunk of the job {source} was described, so there is nothing to choose from."
            raise PermanentError(ErrorCode.EVENT_INVALID, message)
        if any(one.provenance.plan_digest != context.plan.digest for one in described):
            message = f"The video, or the part of it, is not the one that the job {source} described."
            raise PermanentError(ErrorCode.SOURCE_CHANGED, message)
        name = f"{context.run.run_id}/{context.run.attempt}"
        choice = Choice(name, context.job.job_id, context.job.prompt, MOST_CHUNKS)
        try:
            chosen = await choose(self._engine, choice, chunk_texts(described), self._tools.draw)
        except CodedError as error:
            if error.code is ErrorCode.ENGINE_DIED:
                raise
            raise PermanentError(error.code, f"The chunks to look at were not chosen: {error.message}") from None
        wanted = chosen | set(context.run.recovered)
        chunks = tuple(one for one in context.plan.chunks if one.index in wanted)
        return replace(context, plan=replace(context.plan, chunks=chunks))


def as_cut(job: VideoJob, stored: Stored | None) -> VideoJob:
    """The job, with chunks as long as those that it asks about."""
    digest = next((one.provenance.plan_digest for one in stored.chunks), "") if stored is not None else ""
    length = length_of(digest)
    if length is None:
        return job
    return job.model_copy(update={"chunk_duration": length.duration, "chunk_overlap": length.overlap})
