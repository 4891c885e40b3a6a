"""What all chunks of one run have in common, decided before the first frame is decoded."""

from __future__ import annotations

import math
from dataclasses import dataclass

from consumer import __version__
from consumer.events.models import Provenance, Sampling, VideoJob
from consumer.inference.budget import fit_vision_tokens
from consumer.inference.checks import check_schema
from consumer.inference.engine import Engine, EngineInfo, SamplingValues, engine_metadata
from consumer.inference.prompts import prompt_digest, render_prompt
from consumer.job.plan import JobPlan, chunk_length, make_plan
from consumer.job.run import Run
from consumer.media.info import MediaInfo
from consumer.settings import Settings


@dataclass(frozen=True, slots=True)
class JobContext:
    """One run, decided.

    Args:
        sampling: of every chunk's first question.
        max_frames: frames a chunk at most.
        vision_tokens: what the frames of a chunk may cost: the job's wish, or less where the context asks for it.
        provenance: of every result.
    """

    job: VideoJob
    run: Run
    plan: JobPlan
    info: MediaInfo
    sampling: SamplingValues
    max_frames: int
    vision_tokens: int
    provenance: Provenance


def make_context(
    job: VideoJob, run: Run, *, info: MediaInfo, identity: str, engine: Engine, settings: Settings, worker: str
) -> JobContext:
    """Plan the run of a job over an opened video.

    Raises:
        PermanentError: EVENT_INVALID, SOURCE_CHANGED (see `make_plan`), BUDGET_TOO_SMALL.
    """
    if job.response_schema is not None:
        check_schema(job.response_schema)
    length = chunk_length(job, settings)
    plan = make_plan(job, length=length, duration=info.duration, identity=identity, recovered=run.recovered)
    max_frames = job.max_frames_per_chunk or settings.max_frames_per_chunk
    longest = max(chunk.end_time - chunk.start_time for chunk in plan.chunks)
    frames = max_frames if job.fps is None else min(max_frames, math.ceil(longest * job.fps) + 1)
    vision_tokens = fit_vision_tokens(
        engine.limits,
        prompt_tokens=engine.count_tokens(render_prompt(job.prompt, job.system_prompt, with_video=True)),
        max_tokens=job.max_tokens,
        frames=frames,
        max_vision_tokens=job.max_vision_tokens,
    )
    return JobContext(
        job=job,
        run=run,
        plan=plan,
        info=info,
        sampling=sampling_of(job),
        max_frames=max_frames,
        vision_tokens=vision_tokens,
        provenance=_provenance(job, plan, engine.info, worker),
    )


def sampling_of(job: VideoJob) -> SamplingValues:
    """The job's sampling values as engines take them."""
    return SamplingValues(
        max_tokens=job.max_tokens,
        temperature=job.temperature,
        top_p=job.top_p,
        top_k=job.top_k,
        presence_penalty=job.presence_penalty,
        seed=job.seed,
        response_schema=job.response_schema,
    )


def with_seed(provenance: Provenance, seed: int | None) -> Provenance:
    """The same, for an answer that was drawn with another seed."""
    if provenance.sampling.seed == seed:
        return provenance
    sampling = provenance.sampling.model_copy(update={"seed": seed})
    return provenance.model_copy(update={"sampling": sampling})


def _provenance(job: VideoJob, plan: JobPlan, engine: EngineInfo, worker: str) -> Provenance:
    return Provenance(
        **engine_metadata(engine),
        prompt_digest=prompt_digest(job.prompt, job.system_prompt),
        sampling=Sampling(
            max_tokens=job.max_tokens,
            temperature=job.temperature,
            top_p=job.top_p,
            top_k=job.top_k,
            presence_penalty=job.presence_penalty,
            seed=job.seed,
        ),
        plan_digest=plan.digest,
        consumer_version=__version__,
        worker=worker,
    )
