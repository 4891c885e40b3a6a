"""What a clip's time stamps cost in tokens: exactly where the tokenizer's habits are known, else at most; pure.

A pair of frames is preceded by `<12.3 seconds>` (`user\\n<` and `> <|vision_start|>` never melt into one token: Qwen's
tokenizer splits letters, line ends and signs before it merges anything, and special tokens stand alone).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumer.inference.vllm_prompt import CLOCK_RATE, frame_indices

FRAMES_PER_PAIR = 2

# `<86399.9 seconds>` (one token a digit) and the two tokens around a pair's pixels.
PAIR_OVERHEAD = 12
_MARKS = 2
_DIGITS = "0123456789"


@dataclass(frozen=True, slots=True)
class StampCosts:
    """Tokens of the stamps of a model, with the two tokens that frame each pair's pixels.

    Args:
        fixed: what a pair costs besides its stamp's digits before the point; None where the tokenizer does not take one
            token a digit: then only the bound `PAIR_OVERHEAD` a pair is known.
    """

    fixed: int | None = None

    @property
    def exact(self) -> bool:
        return self.fixed is not None

    def of_clip(self, times: Sequence[float], zero: float) -> int:
        """Of frames at `times` (source seconds) whose stamps count from `zero`: what the processor will write."""
        if self.fixed is None:
            return self.at_most(len(times), 0.0)
        return sum(self.fixed + _digits(stamp) for stamp in stamp_times(times, zero))

    def at_most(self, frames: int, latest: float) -> int:
        """Of so many frames, none of whose stamps is later than `latest` (seconds)."""
        pairs = -(-frames // FRAMES_PER_PAIR)
        return pairs * (PAIR_OVERHEAD if self.fixed is None else self.fixed + _digits(latest))


def stamp_costs(count_tokens: Callable[[str], int]) -> StampCosts:
    """Looks at a tokenizer's habits.

    The result is exact if every digit is a token of its own, whatever its neighbours are: in a byte-level vocabulary a
    longer piece is made of shorter ones, so it is enough that no two digits, and no digit and sign of a stamp, are one.
    """
    pairs = "".join(f"{number:02}" for number in range(100))
    costs = {count_tokens(f"<{digit}.{digit} seconds>") for digit in _DIGITS}
    if count_tokens(pairs) != len(pairs) or len(costs) != 1:
        return StampCosts()
    return StampCosts(costs.pop() - 1 + _MARKS)


def stamp_times(times: Sequence[float], zero: float) -> list[float]:
    """What the model reads above each pair, in seconds: the mean of its two frames' times (an odd last frame: its own).

    Computed as the processor does, from the same whole milliseconds.
    """
    seconds = [index / CLOCK_RATE for index in frame_indices(times, zero)]
    if len(seconds) % FRAMES_PER_PAIR:
        seconds.append(seconds[-1])
    return [(first + last) / 2 for first, last in zip(seconds[::2], seconds[1::2], strict=True)]


def _digits(seconds: float) -> int:
    return len(f"{seconds:.1f}") - len(".0")
