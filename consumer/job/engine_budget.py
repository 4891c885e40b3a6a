"""What may be in the engine at once: by its own memory, not by a guess."""

from __future__ import annotations

import math

import structlog

from consumer.events.models import VideoJob
from consumer.inference.budget import TokenNeed, stamp_tokens, vision_tokens
from consumer.inference.engine import EngineLimits, GenerationRequest
from consumer.job.schedule import Budget
from consumer.settings import Settings

STEPS_AHEAD = 1
"""Steps of the engine whose tokens it has before it needs them, besides the one that it works on.

Requests are prepared by then, so that the next ones are with it long before that step is over."""

NEAR_STEP = 0.9
"""An item that takes so much of a step is read alone: what is left is too little for another video."""

_BYTES_A_TOKEN = 3

_log = structlog.get_logger(__name__)


def engine_budget(limits: EngineLimits, slots: int) -> Budget:
    """What is in the engine at once: `slots` requests, within its KV cache; and few that it has not begun.

    A request counts with its whole length, prompt and answer, so that the engine need not push one out of the cache and
    compute it again. What it has not begun is bounded by what it encodes in some steps: more would only wait
    inside, where nobody can pass it.
    """
    return Budget(slots, size=limits.kv_cache_tokens, ahead=STEPS_AHEAD * step_tokens(limits), courteous=True)


def step_tokens(limits: EngineLimits) -> int:
    """The most tokens of videos that one step takes in: what it reads, and what the encoder's cache holds."""
    cache = limits.encoder_cache_tokens
    return limits.max_num_batched_tokens if cache is None else min(limits.max_num_batched_tokens, cache)


def is_near_step(item: int, limits: EngineLimits) -> bool:
    """Whether a video of so many tokens is read alone."""
    return item > NEAR_STEP * step_tokens(limits)


def request_need(request: GenerationRequest) -> TokenNeed:
    """Tokens of a request: at most for its video, about for its text, which goes by its length.

    That does to know who comes next; whether it fits is looked at elsewhere. Text that is full of numbers (a token a
    digit) has more tokens than that.
    """
    clip, vision, stamps = request.clip, 0, 0
    if clip is not None:
        frames = len(clip.times)
        vision, stamps = vision_tokens(frames, *clip.pixels.shape[1:3]), stamp_tokens(frames)
    text = len(request.prompt.encode()) + len((request.system_prompt or "").encode())
    return TokenNeed(vision, stamps, -(-text // _BYTES_A_TOKEN), request.sampling.max_tokens)


def log_engine_budget(settings: Settings, limits: EngineLimits) -> None:
    """Say once, at the start, what the engine can take, and warn where a chunk by default is too large for that."""
    fps = VideoJob.model_fields["fps"].default
    frames = min(settings.max_frames_per_chunk, math.ceil(settings.chunk_duration * fps))
    item = VideoJob.model_fields["max_vision_tokens"].default + stamp_tokens(frames)
    slots, cache = settings.max_concurrent_chunks, limits.kv_cache_tokens
    fitting = slots if cache is None else min(slots, max(1, cache // item))
    _log.info(
        "engine_budget",
        chunk_tokens=item,
        kv_cache_tokens=cache,
        step_tokens=step_tokens(limits),
        chunks_in_flight=fitting,
        chunks_a_step=max(1, step_tokens(limits) // item),
    )
    if is_near_step(item, limits):
        _log.warning(
            "chunks_fill_steps",
            reason=f"A chunk of {item} tokens takes a whole step of the engine ({step_tokens(limits)} tokens), and "
            "videos are read one at a time: raise MAX_NUM_BATCHED_TOKENS, or lower max_vision_tokens in jobs.",
        )
