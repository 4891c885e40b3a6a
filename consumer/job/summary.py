"""The second, text-only step: from the chunks' answers to the answer for the whole."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from consumer.errors import ErrorCode, TransientError
from consumer.events.models import ChunkResult
from consumer.inference.aggregation import Aggregate, ChunkText, aggregate
from consumer.inference.aggregation_plan import answer_tokens
from consumer.inference.engine import Engine, SamplingValues
from consumer.job.context import JobContext
from consumer.job.coverage import Span, find_gaps
from consumer.job.tools import Tools
from consumer.settings import Settings


async def summarize(
    engine: Engine, context: JobContext, results: Sequence[ChunkResult], settings: Settings, tools: Tools
) -> Aggregate | None:
    """The aggregate of the successful chunks; None where the job wants none or no chunk succeeded.

    Raises:
        PermanentError, TransientError: as `aggregate` does; ENGINE_TIMEOUT after AGGREGATION_TIMEOUT_SECONDS.
    """
    described = [one for one in results if one.success]
    if not context.job.aggregate or not described:
        return None
    job, run = context.job, context.run
    made = aggregate(
        engine,
        job_id=job.job_id,
        # Part of the requests' ids: an earlier attempt's may still be on their way out of the same engine.
        run_id=f"{run.run_id}/{run.attempt}",
        prompt=job.prompt,
        system_prompt=job.system_prompt,
        aggregation_prompt=job.aggregation_prompt,
        chunks=chunk_texts(described),
        gaps=_gaps(context, results),
        sampling=aggregation_sampling(context.sampling, engine, settings),
        relative_times=not context.absolute_times,
        draw=tools.draw,
    )
    return await in_time(made, settings)


def _gaps(context: JobContext, results: Sequence[ChunkResult]) -> list[Span]:
    """The seconds that should have been described and were not; those that nobody was to look at are not missed."""
    if context.job.zoom:
        return [(one.start_time, one.end_time) for one in results if not one.success]
    return [*find_gaps(context.plan.span, [(one.start_time, one.end_time) for one in results if one.success])]


def chunk_texts(described: Sequence[ChunkResult]) -> list[ChunkText]:
    """What successful chunks say."""
    return [ChunkText(one.chunk_index, one.start_time, one.end_time, one.response or "") for one in described]


def aggregation_sampling(sampling: SamplingValues, engine: Engine, settings: Settings) -> SamplingValues:
    """The same as for a chunk, with a length of its own."""
    tokens = answer_tokens(
        settings.aggregation_max_tokens, chunk_tokens=sampling.max_tokens, max_model_len=engine.limits.max_model_len
    )
    return replace(sampling, max_tokens=tokens)


async def in_time(made: Coroutine[Any, Any, Aggregate], settings: Settings) -> Aggregate:
    """The aggregate, unless it takes too long.

    Raises:
        TransientError: ENGINE_TIMEOUT after AGGREGATION_TIMEOUT_SECONDS, its requests are aborted; else as it does.
    """
    limit = settings.aggregation_timeout_seconds
    try:
        async with asyncio.timeout(limit):
            return await made
    except TimeoutError:
        message = f"The chunks' answers were not put together within AGGREGATION_TIMEOUT_SECONDS ({limit:g} s)."
        raise TransientError(ErrorCode.ENGINE_TIMEOUT, message) from None
