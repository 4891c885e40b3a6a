"""Counting a prompt's tokens without the engine: by the model's own vocabulary where it is at hand, else about."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from consumer.settings import Settings

_FILE = "tokenizer.json"
# Qwen's habits: special tokens, digits and signs are tokens of their own, a word of prose is one or a few.
_PIECE = re.compile(r"<\|\w+\|>|\d|[^\S\n]?[A-Za-z]+|[^\S\n]?[^\w\s]|\s+|\w")
_LETTERS_A_TOKEN = 8


@dataclass(frozen=True, slots=True)
class TextCounter:
    """Counts tokens of text, special tokens included.

    Args:
        exact: whether it is the model's own vocabulary that counts.
    """

    count: Callable[[str], int]
    exact: bool


def text_counter(settings: Settings) -> TextCounter:
    """The counter of MODEL_NAME: a directory, or what the hub's cache on this disk holds; asks no network."""
    file = _tokenizer_file(settings)
    if file is None or importlib.util.find_spec("tokenizers") is None:
        return TextCounter(approximate_tokens, False)
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    return TextCounter(lambda text: len(tokenizer.encode(text, add_special_tokens=False)), True)


def approximate_tokens(text: str) -> int:
    """About as many tokens as Qwen's vocabulary makes of prose; of time stamps and special tokens exactly as many."""
    return sum(-(-len(piece) // _LETTERS_A_TOKEN) if piece[-1].isalpha() else 1 for piece in _PIECE.findall(text))


def _tokenizer_file(settings: Settings) -> Path | None:
    directory = Path(settings.model_name)
    if directory.is_dir():
        file = directory / _FILE
        return file if file.is_file() else None
    if importlib.util.find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    try:
        found = try_to_load_from_cache(
            settings.model_name,
            _FILE,
            revision=settings.model_revision,
            cache_dir=settings.engine_args.get("download_dir"),
        )
    except ValueError:
        # No name that the hub could have.
        return None
    return Path(found) if isinstance(found, str) else None
