"""What all chunks of one run have in common, decided before the first frame is decoded."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

from consumer import __version__
from consumer.events.models import Provenance, Sampling, VideoJob
from consumer.inference.budget import TokenNeed, chunk_need, fit_vision_tokens
from consumer.inference.checks import check_schema
from consumer.inference.engine import EngineInfo, EngineLimits, SamplingValues, engine_metadata
from consumer.inference.prompts import prompt_digest, text_tokens
from consumer.inference.stamps import FRAMES_PER_PAIR, StampCosts, stamp_costs
from consumer.job.plan import JobPlan, chunk_length, make_plan
from consumer.job.run import Run
from consumer.media.chunks import Chunk
from consumer.media.frames import FramePlan, plan_frames
from consumer.media.info import MediaInfo
from consumer.settings import Settings


class Sizing(Protocol):
    """The part of an engine that plans are made by."""

    @property
    def info(self) -> EngineInfo: ...

    @property
    def limits(self) -> EngineLimits: ...

    def count_tokens(self, text: str) -> int: ...


@dataclass(frozen=True, slots=True)
class JobContext:
    """One run, decided.

    Args:
        sampling: of every chunk's first question.
        max_frames: frames a chunk at most.
        vision_tokens: what the frames of a chunk may cost: the job's wish, or less where the context asks for it.
        prompt_tokens: of every chunk's question, besides its video.
        stamps: what time stamps cost.
        absolute_times: whether the model reads times of the source, or from the chunk's start.
        provenance: of every result.
    """

    job: VideoJob
    run: Run
    plan: JobPlan
    info: MediaInfo
    sampling: SamplingValues
    max_frames: int
    vision_tokens: int
    prompt_tokens: int
    stamps: StampCosts
    absolute_times: bool
    provenance: Provenance

    def zero(self, chunk: Chunk) -> float:
        """The second of source time from which the times of this chunk count that the model reads and tells."""
        return 0.0 if self.absolute_times else chunk.start_time

    def frames_of(self, chunk: Chunk) -> FramePlan:
        """The frames that the model is to be shown of a chunk.

        Raises:
            PermanentError: BUDGET_TOO_SMALL.
        """
        return plan_frames(
            chunk,
            self.info,
            fps=self.job.fps,
            max_frames=self.max_frames,
            max_vision_tokens=self.vision_tokens,
            keyframes_only=self.job.keyframes_only,
        )

    def need(self, plan: FramePlan) -> TokenNeed:
        """Tokens of the request about these frames, before they are decoded."""
        return chunk_need(
            frames=len(plan.times),
            height=plan.height,
            width=plan.width,
            prompt_tokens=self.prompt_tokens,
            max_tokens=self.sampling.max_tokens,
            stamps=self.stamps.of_clip(plan.times, self.zero(plan.chunk)),
        )


def make_context(
    job: VideoJob, run: Run, *, info: MediaInfo, identity: str, engine: Sizing, settings: Settings, worker: str
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
    absolute = settings.timestamps == "absolute"
    longest = max(chunk.seconds for chunk in plan.chunks)
    costs = _costs(job, engine, max_frames, longest=longest, latest=plan.span[1] if absolute else longest)
    return JobContext(
        job=job,
        run=run,
        plan=plan,
        info=info,
        sampling=sampling_of(job),
        max_frames=max_frames,
        vision_tokens=costs.vision_tokens,
        prompt_tokens=costs.prompt_tokens,
        stamps=costs.stamps,
        absolute_times=absolute,
        provenance=_provenance(job, plan, engine.info, worker),
    )


def narrowed(context: JobContext, job: VideoJob, run: Run, part: Chunk, engine: Sizing) -> JobContext:
    """The context of another question, `job`'s, about a part of the video.

    Raises:
        PermanentError: EVENT_INVALID, BUDGET_TOO_SMALL.
    """
    if job.response_schema is not None:
        check_schema(job.response_schema)
    longest = part.seconds
    latest = part.end_time - context.zero(part)
    costs = _costs(job, engine, context.max_frames, longest=longest, latest=latest)
    digest = prompt_digest(job.prompt, job.system_prompt)
    return replace(
        context,
        job=job,
        run=run,
        sampling=sampling_of(job),
        vision_tokens=costs.vision_tokens,
        prompt_tokens=costs.prompt_tokens,
        provenance=context.provenance.model_copy(update={"prompt_digest": digest}),
    )


@dataclass(frozen=True, slots=True)
class _Costs:
    vision_tokens: int
    prompt_tokens: int
    stamps: StampCosts


def _costs(job: VideoJob, engine: Sizing, max_frames: int, *, longest: float, latest: float) -> _Costs:
    """What a chunk of at most `longest` seconds may and will cost, none of whose stamps is later than `latest`."""
    stamps = stamp_costs(engine.count_tokens)
    prompt_tokens = text_tokens(engine.count_tokens, job.prompt, job.system_prompt)
    vision_tokens = fit_vision_tokens(
        engine.limits,
        prompt_tokens=prompt_tokens,
        max_tokens=job.max_tokens,
        frames=max_frames if job.fps is None else min(max_frames, math.ceil(longest * job.fps) + 1),
        max_vision_tokens=job.max_vision_tokens,
        pair_overhead=stamps.at_most(FRAMES_PER_PAIR, latest),
    )
    return _Costs(vision_tokens, prompt_tokens, stamps)


def sampling_of(source: VideoJob | Sampling) -> SamplingValues:
    """The sampling values of a job or of an event's provenance (which holds no schema) as engines take them."""
    return SamplingValues(
        max_tokens=source.max_tokens,
        temperature=source.temperature,
        top_p=source.top_p,
        top_k=source.top_k,
        presence_penalty=source.presence_penalty,
        seed=source.seed,
        response_schema=source.response_schema if isinstance(source, VideoJob) else None,
    )


def with_sampling(provenance: Provenance, values: SamplingValues) -> Provenance:
    """The same, for an answer that was drawn with these values."""
    return provenance.model_copy(update={"sampling": provenance_sampling(values)})


def provenance_sampling(values: SamplingValues) -> Sampling:
    """Sampling values as events carry them."""
    return Sampling(
        max_tokens=values.max_tokens,
        temperature=values.temperature,
        top_p=values.top_p,
        top_k=values.top_k,
        presence_penalty=values.presence_penalty,
        seed=values.seed,
    )


def _provenance(job: VideoJob, plan: JobPlan, engine: EngineInfo, worker: str) -> Provenance:
    return Provenance(
        **engine_metadata(engine),
        prompt_digest=prompt_digest(job.prompt, job.system_prompt),
        sampling=provenance_sampling(sampling_of(job)),
        plan_digest=plan.digest,
        consumer_version=__version__,
        worker=worker,
        source_job_id=job.source_job_id,
        source_run_id=job.source_run_id,
    )
