"""Another answer for the whole, from chunk results that are stored: no video is touched, no chunk computed again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumer import __version__
from consumer.errors import ErrorCode, PermanentError
from consumer.events.combining import sum_tokens
from consumer.events.models import DEFAULT_PROMPT, ChunkResult, Provenance, Tokens, VideoResult
from consumer.inference.aggregation import Aggregate, aggregate
from consumer.inference.engine import Engine, SamplingValues, engine_metadata
from consumer.job.context import provenance_sampling, sampling_of
from consumer.job.final import aggregation_of
from consumer.job.results import verdict
from consumer.job.summary import aggregation_sampling, chunk_texts, in_time
from consumer.job.tools import Tools
from consumer.settings import Settings


@dataclass(frozen=True, slots=True)
class AgainRequest:
    """How the chunks' answers are to be put together this time.

    Args:
        run_id: a name of its own: the requests' ids in the engine are made of it.
        aggregation_prompt: of the last call; None: the default one, after `prompt`.
        prompt: what the chunks were asked (results do not hold it); told where there is no `aggregation_prompt`.
        worker: the process's name, for provenance.
    """

    run_id: str
    aggregation_prompt: str | None
    worker: str
    prompt: str = DEFAULT_PROMPT
    system_prompt: str | None = None


async def aggregate_again(
    engine: Engine,
    final: VideoResult,
    results: Sequence[ChunkResult],
    request: AgainRequest,
    *,
    settings: Settings,
    tools: Tools,
) -> VideoResult:
    """A new final result of a job.

    Sampling is the chunks'; the times in their texts are taken as TIMESTAMPS says. A job that was `partial` only for
    want of an aggregate is `succeeded` now; one that has not all of its chunks stays what it was.

    Args:
        final: the job's stored final result.
        results: its stored chunk results, in any order; further ones of other runs are left out.

    Raises:
        PermanentError: EVENT_INVALID, no chunk of the job succeeded or the results of some are missing; as `aggregate`.
        TransientError: as `aggregate`; ENGINE_TIMEOUT after AGGREGATION_TIMEOUT_SECONDS. The stored results stand.
    """
    began = tools.monotonic()
    ordered = _of_run(final, results)
    described = [one for one in ordered if one.success]
    sampling = aggregation_sampling(sampling_of(described[0].provenance.sampling), engine, settings)
    made = aggregate(
        engine,
        job_id=final.job_id,
        run_id=request.run_id,
        prompt=request.prompt,
        system_prompt=request.system_prompt,
        aggregation_prompt=request.aggregation_prompt,
        chunks=chunk_texts(described),
        gaps=[(start, end) for start, end in final.coverage.gaps] if final.coverage is not None else [],
        sampling=sampling,
        relative_times=settings.timestamps == "relative",
        draw=tools.draw,
    )
    summary = await in_time(made, settings)
    provenance = _provenance(described[0].provenance, sampling, engine, request.worker)
    return _renewed(final, ordered, summary, provenance).model_copy(
        update={"total_processing_time": tools.monotonic() - began, "created_at": tools.now_ms()}
    )


def _of_run(final: VideoResult, results: Sequence[ChunkResult]) -> list[ChunkResult]:
    """The chunk results that the final result is about, in order of index."""
    found = {one.chunk_index: one for one in results if (one.job_id, one.run_id) == (final.job_id, final.run_id)}
    missing = [ref.chunk_index for ref in final.chunks if ref.chunk_index not in found]
    if missing:
        raise PermanentError(
            ErrorCode.EVENT_INVALID,
            f"The stored results of {len(missing)} of {len(final.chunks)} chunks of the job {final.job_id} are missing "
            f"(the first is chunk {missing[0]}): submit the job again.",
        )
    if not any(ref.success for ref in final.chunks):
        message = f"No chunk of the job {final.job_id} was described, so there is nothing to put together."
        raise PermanentError(ErrorCode.EVENT_INVALID, message)
    return [found[ref.chunk_index] for ref in sorted(final.chunks, key=lambda ref: ref.chunk_index)]


def _renewed(
    final: VideoResult, results: Sequence[ChunkResult], summary: Aggregate, provenance: Provenance
) -> VideoResult:
    aggregation = aggregation_of(summary)
    status, error = final.status, final.error
    if len(results) == final.num_chunks:
        status, error = verdict(results, None)
    tokens: list[Tokens] = [*(one.tokens for one in results), aggregation.tokens]
    return final.model_copy(
        update={
            "success": status == "succeeded",
            "status": status,
            "error": error,
            "aggregated_response": summary.text,
            "aggregation": aggregation,
            "warnings": list(summary.warnings),
            "tokens": sum_tokens(tokens),
            "provenance": provenance,
        }
    )


def _provenance(chunks: Provenance, sampling: SamplingValues, engine: Engine, worker: str) -> Provenance:
    """Of the new answer: who put it together, from chunks of this plan and these prompts."""
    return chunks.model_copy(
        update={
            **engine_metadata(engine.info),
            "sampling": provenance_sampling(sampling),
            "consumer_version": __version__,
            "worker": worker,
        }
    )
