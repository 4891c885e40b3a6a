"""A second question, about a part of a chunk: a few seconds get the frames and pixels of a whole chunk."""

from __future__ import annotations

from dataclasses import dataclass

from consumer.errors import ErrorCode, PermanentError
from consumer.events.models import ChunkResult
from consumer.inference.engine import Engine
from consumer.job.chunk import ChunkWorker
from consumer.job.context import JobContext, narrowed
from consumer.job.run import Run
from consumer.media.chunks import Chunk
from consumer.media.library import Media


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about which seconds.

    Args:
        run_id: a name of its own: the request's id in the engine is made of it.
        start_time, end_time: seconds of source time, both within one chunk.
        fps: frames a second; None: as many as fit (small ones; fewer frames a second are shown larger).
        response_schema: JSON Schema as text, or None.
    """

    run_id: str
    prompt: str
    start_time: float
    end_time: float
    fps: float | None = None
    response_schema: str | None = None


async def zoom(
    worker: ChunkWorker, engine: Engine, context: JobContext, media: Media, question: Question
) -> ChunkResult:
    """The answer to a question about a part of a chunk, as a result whose times are those of the part.

    Everything else is the job's: sampling, system prompt, budgets, checks.

    Raises:
        PermanentError: EVENT_INVALID, the part is not within one chunk or the schema is none; BUDGET_TOO_SMALL.
        TransientError: ENGINE_DIED. All other failures are in the result.
    """
    part = _part(context, question)
    job = context.job.model_copy(
        update={"prompt": question.prompt, "fps": question.fps, "response_schema": question.response_schema}
    )
    run = Run(question.run_id, context.run.attempt, {})
    return await worker.compute(narrowed(context, job, run, part, engine), media, part)


def _part(context: JobContext, question: Question) -> Chunk:
    start, end = question.start_time, question.end_time
    for chunk in context.plan.chunks:
        if chunk.start_time <= start < end <= chunk.end_time:
            return Chunk(chunk.index, start, end)
    message = f"start_time ({start:g} s) and end_time ({end:g} s) must lie, in this order, within one chunk of the job."
    raise PermanentError(ErrorCode.EVENT_INVALID, message)
