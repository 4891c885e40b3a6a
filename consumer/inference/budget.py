"""What a chunk costs in tokens, and how much of that may be pixels."""

from __future__ import annotations

from dataclasses import dataclass

from consumer.errors import ErrorCode, PermanentError
from consumer.inference.engine import EngineLimits
from consumer.inference.stamps import FRAMES_PER_PAIR, PAIR_OVERHEAD

# Qwen3-VL: 16-pixel patches, merged two by two, and two frames share one temporal patch.
TOKEN_PIXELS = 32
MIN_FRAMES = 4

# Below 64 x 64 pixels a frame shows nothing worth asking about.
MIN_PAIR_TOKENS = 4


@dataclass(frozen=True, slots=True)
class TokenNeed:
    """Tokens of one request by what they are for; `prompt` is text with the chat form's own tokens."""

    vision: int
    stamps: int
    prompt: int
    answer: int

    @property
    def total(self) -> int:
        return self.vision + self.stamps + self.prompt + self.answer

    @property
    def item(self) -> int:
        """The video alone, which an engine step must take whole."""
        return self.vision + self.stamps


def vision_tokens(frames: int, height: int, width: int) -> int:
    """Tokens of a clip's pixels: (H/32)(W/32) a pair of frames; an odd last frame counts as a pair."""
    pairs = -(-frames // FRAMES_PER_PAIR)
    return pairs * (height // TOKEN_PIXELS) * (width // TOKEN_PIXELS)


def stamp_tokens(frames: int) -> int:
    """An upper bound of the tokens of a clip's time stamps, with the tokens that frame each pair."""
    return -(-frames // FRAMES_PER_PAIR) * PAIR_OVERHEAD


def chunk_need(
    *, frames: int, height: int, width: int, prompt_tokens: int, max_tokens: int, stamps: int | None = None
) -> TokenNeed:
    """Tokens of a chunk's request; never less than the engine will count.

    Args:
        stamps: of the clip, where they are known (`StampCosts.of_clip`); None: their upper bound.
    """
    stamps = stamp_tokens(frames) if stamps is None else stamps
    return TokenNeed(vision_tokens(frames, height, width), stamps, prompt_tokens, max_tokens)


def fits(need: TokenNeed, limits: EngineLimits) -> bool:
    """Whether the engine takes a request of this size."""
    return need.total <= limits.max_model_len and need.item <= limits.max_num_batched_tokens


def require_fit(need: TokenNeed, limits: EngineLimits) -> None:
    """Raises PermanentError BUDGET_TOO_SMALL where the engine would refuse the request."""
    if fits(need, limits):
        return
    raise PermanentError(
        ErrorCode.BUDGET_TOO_SMALL,
        f"The chunk needs {need.total} tokens ({need.vision} vision, {need.stamps} time stamps, {need.prompt} prompt, "
        f"{need.answer} max_tokens), more than MAX_MODEL_LEN ({limits.max_model_len}) or, for vision and time stamps, "
        f"MAX_NUM_BATCHED_TOKENS ({limits.max_num_batched_tokens}): lower max_vision_tokens or max_tokens.",
    )


def fit_vision_tokens(
    limits: EngineLimits,
    *,
    prompt_tokens: int,
    max_tokens: int,
    frames: int,
    max_vision_tokens: int,
    pair_overhead: int = PAIR_OVERHEAD,
) -> int:
    """The largest vision token budget that a chunk may use; never more than `max_vision_tokens`.

    Args:
        prompt_tokens: of the rendered text prompt (`text_tokens`).
        max_tokens: kept free for the answer.
        frames: the most frames that the clip will have; their time stamps are kept free. Where that many cannot be
            shown even at the smallest size, the budget is for as many as can be: any clip of pairs of at least
            `MIN_PAIR_TOKENS` within the budget then fits.
        pair_overhead: tokens of the costliest time stamp that there will be, marks included.

    Raises:
        PermanentError: BUDGET_TOO_SMALL, four frames of the smallest size do not fit.
    """
    room = min(limits.max_model_len - prompt_tokens - max_tokens, limits.max_num_batched_tokens)
    pairs = -(-max(frames, MIN_FRAMES) // FRAMES_PER_PAIR)
    budget = room - pairs * pair_overhead
    if budget < pairs * MIN_PAIR_TOKENS:
        budget = room // (MIN_PAIR_TOKENS + pair_overhead) * MIN_PAIR_TOKENS
    budget = min(budget, max_vision_tokens)
    smallest = MIN_FRAMES // FRAMES_PER_PAIR * MIN_PAIR_TOKENS
    if budget < smallest:
        raise PermanentError(
            ErrorCode.BUDGET_TOO_SMALL,
            f"The prompt ({prompt_tokens} tokens) and max_tokens ({max_tokens}) leave no room for {MIN_FRAMES} frames "
            f"within MAX_MODEL_LEN ({limits.max_model_len}), MAX_NUM_BATCHED_TOKENS ({limits.max_num_batched_tokens}) "
            f"and max_vision_tokens ({max_vision_tokens}): shorten the prompt, lower max_tokens or raise the limit.",
        )
    return budget
