"""What a job will cost, known before anything is spent: the plan of its chunks and frames, in tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from consumer.events.models import VideoJob
from consumer.inference.engine import EngineInfo, EngineLimits
from consumer.inference.tokenizer import TextCounter
from consumer.inference.vllm_arguments import batched_tokens
from consumer.job.context import JobContext, make_context
from consumer.job.run import Run
from consumer.media.frames import FramePlan
from consumer.media.info import MediaInfo
from consumer.settings import Settings

ShownTimes = Callable[[FramePlan], Sequence[float]]
"""The times of the frames that a chunk will have: the plan's, or those that were found."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Sums over chunks.

    Args:
        seconds: of source time, what neighbours share counted once.
        frames: that the model is shown.
        vision_tokens: of their pixels; `prompt_tokens` includes them, time stamps, and the text of every chunk.
        answer_tokens: at most (max_tokens of every chunk).
        about: frames of some chunks were reckoned from others.
    """

    seconds: float = 0.0
    chunks: int = 0
    frames: int = 0
    vision_tokens: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    about: bool = False

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(
            self.seconds + other.seconds,
            self.chunks + other.chunks,
            self.frames + other.frames,
            self.vision_tokens + other.vision_tokens,
            self.prompt_tokens + other.prompt_tokens,
            self.answer_tokens + other.answer_tokens,
            self.about or other.about,
        )


@dataclass(frozen=True, slots=True)
class PlannedEngine:
    """The part of an engine that plans are made by, without a model."""

    info: EngineInfo
    limits: EngineLimits
    counter: TextCounter

    @classmethod
    def of(cls, settings: Settings, counter: TextCounter) -> PlannedEngine:
        info = EngineInfo("none", "", settings.model_name, settings.model_revision, settings.quantization)
        return cls(info, EngineLimits(settings.max_model_len, batched_tokens(settings)), counter)

    def count_tokens(self, text: str) -> int:
        return self.counter.count(text)


def planned(job: VideoJob, info: MediaInfo, engine: PlannedEngine, settings: Settings) -> list[FramePlan]:
    """The frames of every chunk.

    Raises:
        PermanentError: EVENT_INVALID, BUDGET_TOO_SMALL.
    """
    context = _context(job, info, engine, settings)
    return [context.frames_of(chunk) for chunk in context.plan.chunks]


def estimate(
    job: VideoJob, info: MediaInfo, engine: PlannedEngine, settings: Settings, shown: ShownTimes | None = None
) -> Estimate:
    """What the job will cost on a video of which this is known.

    Args:
        shown: None: every frame that is planned is there. In a video whose rate varies, or that is damaged, there are
            fewer, and of key frames as many as the file has.

    Raises:
        PermanentError: EVENT_INVALID, BUDGET_TOO_SMALL: the job would fail.
    """
    context = _context(job, info, engine, settings)
    found = Estimate(seconds=context.plan.span[1] - context.plan.span[0])
    for chunk in context.plan.chunks:
        plan = context.frames_of(chunk)
        times = tuple(shown(plan)) if shown is not None else plan.times
        need = context.need(replace(plan, times=times))
        found += Estimate(
            chunks=1,
            frames=len(times),
            vision_tokens=need.vision,
            prompt_tokens=need.total - need.answer,
            answer_tokens=need.answer,
        )
    return found


def _context(job: VideoJob, info: MediaInfo, engine: PlannedEngine, settings: Settings) -> JobContext:
    run = Run(run_id="estimate", attempt=1, recovered={})
    return make_context(job, run, info=info, identity="", engine=engine, settings=settings, worker="estimate")
