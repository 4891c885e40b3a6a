"""What a model was really given to read, and whether that is what it was trained on; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from consumer.inference.budget import TOKEN_PIXELS
from consumer.inference.engine import Clip, GenerationRequest
from consumer.inference.prompts import VIDEO_PLACEHOLDER, render_prompt
from consumer.inference.stamps import stamp_times
from consumer.inference.vllm_prompt import Timestamps, zero_of

STAMP_TOLERANCE = 0.051
"""Seconds: a stamp has one decimal, and halves may be rounded either way."""

_STAMP = re.compile(r"<(\d+\.\d) seconds>")
_SHOWN_TOKENS = 24


@dataclass(frozen=True, slots=True)
class ShownPrompt:
    """A prompt as the model reads it: its tokens as text, special ones included, and their number."""

    text: str
    tokens: int


@runtime_checkable
class ShowsPrompts(Protocol):
    """An engine that can tell what it makes of a request."""

    async def shown_prompt(self, request: GenerationRequest) -> ShownPrompt:
        """The request's prompt as the model would read it; nothing is generated.

        Raises:
            PermanentError: ENGINE_REJECTED.
        """
        ...


def stamps(clip: Clip, timestamps: Timestamps) -> list[float]:
    """The time that each pair of frames is announced with, s."""
    return stamp_times(clip.times, zero_of(clip, timestamps))


def expected_prompt(request: GenerationRequest, timestamps: Timestamps) -> str:
    """The text of the prompt that Qwen3-VL was trained on: each pair of frames behind its time, nothing around them."""
    video = ""
    if request.clip is not None:
        height, width = request.clip.pixels.shape[1:3]
        pads = VIDEO_PLACEHOLDER * ((height // TOKEN_PIXELS) * (width // TOKEN_PIXELS))
        video = "".join(
            f"<{seconds:.1f} seconds><|vision_start|>{pads}<|vision_end|>"
            for seconds in stamps(request.clip, timestamps)
        )
    text = render_prompt(request.prompt, request.system_prompt, with_video=request.clip is not None)
    return text.replace(VIDEO_PLACEHOLDER, video)


def prompt_fault(shown: ShownPrompt, request: GenerationRequest, timestamps: Timestamps) -> str | None:
    """What is wrong with a prompt, as the end of a sentence; None: nothing."""
    expected = expected_prompt(request, timestamps)
    told = [float(seconds) for seconds in _STAMP.findall(shown.text)]
    meant = [] if request.clip is None else stamps(request.clip, timestamps)
    if len(told) != len(meant) or any(abs(a - b) > STAMP_TOLERANCE for a, b in zip(told, meant, strict=False)):
        return f"its time stamps are {_seconds(told)} instead of {_seconds(meant)}"
    pads, due = shown.text.count(VIDEO_PLACEHOLDER), expected.count(VIDEO_PLACEHOLDER)
    if pads != due:
        return f"it holds {pads} tokens for pixels instead of {due}"
    form, right = (_STAMP.sub("<seconds>", text) for text in (shown.text, expected))
    if form != right:
        differs = (k for k, (one, other) in enumerate(zip(form, right, strict=False)) if one != other)
        place = next(differs, min(len(form), len(right)))
        return (
            f"it reads {form[place : place + _SHOWN_TOKENS]!r} where {right[place : place + _SHOWN_TOKENS]!r} belongs"
        )
    return None


def _seconds(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values) + " s" if values else "missing"
