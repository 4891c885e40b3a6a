"""The second, text-only step: from the chunks' answers to the answer for the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from consumer.errors import CodedError
from consumer.events.models import ChunkResult
from consumer.inference.aggregation import Aggregate, ChunkText, aggregate
from consumer.inference.engine import Engine
from consumer.job.answers import OUTPUT_FAILURES, other_seed
from consumer.job.context import JobContext
from consumer.job.coverage import find_gaps


async def summarize(
    engine: Engine, context: JobContext, results: Sequence[ChunkResult], draw: float
) -> Aggregate | None:
    """The aggregate of the successful chunks; None where the job wants none or no chunk succeeded.

    An answer of no use (empty, repetitive) is asked for once more, with the seed that `draw` gives.

    Raises:
        PermanentError, TransientError: as `aggregate` does.
    """
    described = [one for one in results if one.success]
    if not context.job.aggregate or not described:
        return None
    seed = context.sampling.seed
    try:
        return await _once(engine, context, described, seed)
    except CodedError as error:
        if error.code not in OUTPUT_FAILURES:
            raise
    return await _once(engine, context, described, other_seed(seed, draw))


async def _once(engine: Engine, context: JobContext, described: Sequence[ChunkResult], seed: int | None) -> Aggregate:
    job, run = context.job, context.run
    return await aggregate(
        engine,
        job_id=job.job_id,
        # Part of the requests' ids: an earlier attempt's may still be on their way out of the same engine.
        run_id=f"{run.run_id}/{run.attempt}/{seed}",
        prompt=job.prompt,
        system_prompt=job.system_prompt,
        aggregation_prompt=job.aggregation_prompt,
        chunks=[ChunkText(one.chunk_index, one.start_time, one.end_time, one.response or "") for one in described],
        gaps=find_gaps(context.plan.span, [(one.start_time, one.end_time) for one in described]),
        sampling=replace(context.sampling, seed=seed),
    )
