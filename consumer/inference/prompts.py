"""The prompt of one request, written in Qwen3-VL's chat form.

The video stands as a bare `<|video_pad|>` where the chat template would write
`<|vision_start|><|video_pad|><|vision_end|>`: the processor replaces only the pad, by
`<t seconds><|vision_start|>(video_pad x n)<|vision_end|>` for every pair of frames, which is what the model was trained
on; the template's own outer pair would stay behind as two stray tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

VIDEO_PLACEHOLDER = "<|video_pad|>"
_SPECIAL_OPENING = "<|"


def neutralize(text: str) -> str:
    """Text of a user that cannot be read as a special token.

    Every special token of Qwen's tokenizer that could end a turn or stand for pixels begins with `<|`. A space between
    the two characters keeps the words readable and leaves nothing the tokenizer would take for one of its own; else a
    prompt with `<|im_end|>` could speak as another role, and one with `<|video_pad|>` would ask for a second video.
    """
    return text.replace(_SPECIAL_OPENING, "< |")


def render_prompt(prompt: str, system_prompt: str | None, *, with_video: bool) -> str:
    """The whole prompt up to the assistant's turn, special tokens as text.

    Args:
        prompt: the user's question; special tokens in it are neutralized.
        system_prompt: likewise; None or empty: no system turn (the model's authors use none).
        with_video: whether the video's placeholder stands before the question, as in the chat template.
    """
    system = f"<|im_start|>system\n{neutralize(system_prompt)}<|im_end|>\n" if system_prompt else ""
    video = VIDEO_PLACEHOLDER if with_video else ""
    return f"{system}<|im_start|>user\n{video}{neutralize(prompt)}<|im_end|>\n<|im_start|>assistant\n"


def text_tokens(count_tokens: Callable[[str], int], prompt: str, system_prompt: str | None) -> int:
    """Tokens of a chunk's prompt besides its video.

    Exact where the placeholder, which the video takes the place of, is one token; else what `count_tokens` makes of it
    is on top.
    """
    whole = count_tokens(render_prompt(prompt, system_prompt, with_video=True))
    return whole - 1 if count_tokens(VIDEO_PLACEHOLDER) == 1 else whole


def prompt_digest(prompt: str, system_prompt: str | None) -> str:
    """SHA-256 (hex) of the chunk prompt as the model gets it, frames left out: the provenance's `prompt_digest`."""
    return hashlib.sha256(render_prompt(prompt, system_prompt, with_video=True).encode("utf-8")).hexdigest()
