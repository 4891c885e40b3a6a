"""The model's own tokenizer: Qwen's way of splitting and its special tokens, and whole phrases of the world as tokens.

A line such as `[12.2s] the red circle stops` takes 8 tokens instead of 14. Answers come in half the time, and the lists
of twelve chunks are short enough to be merged: each token is a chance to lose the place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from consumer.demo.sentences import COLOURS, SHAPES, SIDES
from tools.tiny_model.shape import Shape, model_config, processor_configs

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
NAMES = tuple(f" {colour} {shape}" for colour in COLOURS for shape in SHAPES)
DOINGS = (
    *(f" enters from the {side}" for side in SIDES),
    *(f" leaves to the {side}" for side in SIDES),
    " stops",
    " moves on",
    *(f" turns {colour}" for colour in COLOURS),
)
TIME_ENDS = ("s] a", "s] an", "s] the", ',"what":"')
"""What follows the time of an event, in lines and in JSON."""
_FORM = ("\n[", "marker ", " seconds>", '{"t":', '"},', '{"marker":"', '","events":[')
PHRASES = (*NAMES, *DOINGS, *TIME_ENDS, *_FORM)

# As Qwen's tokenizer splits text; transformers' class for it knows no other way.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CHAT = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}{%- if message.content is string %}"
    "{{- message.content }}{%- else %}{%- for part in message.content %}"
    "{%- if part.type == 'image' or 'image' in part or 'image_url' in part %}"
    "<|vision_start|><|image_pad|><|vision_end|>"
    "{%- elif part.type == 'video' or 'video' in part or 'video_url' in part %}<|video_pad|>"
    "{%- elif 'text' in part %}{{- part.text }}{%- endif %}{%- endfor %}{%- endif %}"
    "{{- '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)


class Tokens:
    """The tokenizer of a model directory, and the ids that sequences are put together from."""

    def __init__(self, directory: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        self.ids = _ids(self._tokenizer, (*SPECIAL, *PHRASES))
        self.pad = self.ids["<|endoftext|>"]
        self.turn, self.end = self.ids["<|im_start|>"], self.ids["<|im_end|>"]
        self.pair_start, self.pair_end = self.ids["<|vision_start|>"], self.ids["<|vision_end|>"]
        self.pixel = self.ids["<|video_pad|>"]
        self.time_ends = frozenset(self.ids[token] for token in TIME_ENDS)
        # Stamps and the form's own words come again and again.
        self.short = lru_cache(50_000)(self.encode)

    def encode(self, text: str) -> list[int]:
        """The ids of a text, special tokens in it included."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids, special tokens included."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    @property
    def count(self) -> int:
        """Tokens that there are."""
        size: int = self._tokenizer.get_vocab_size()
        return size


def build_directory(directory: Path, shape: Shape, corpus: Iterable[str]) -> None:
    """Write a model directory without weights.

    Raises:
        ValueError: the tokens do not fit into the shape's vocabulary.
    """
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = _trained(shape.vocabulary - len(SPECIAL) - len(PHRASES), corpus)
    if tokenizer.get_vocab_size() > shape.vocabulary:
        raise ValueError(f"{tokenizer.get_vocab_size()} tokens do not fit into a vocabulary of {shape.vocabulary}")
    tokenizer.save(str(directory / "tokenizer.json"))
    ids = _ids(tokenizer, SPECIAL)
    files = {
        "config.json": model_config(shape, ids),
        "tokenizer_config.json": {
            "tokenizer_class": "Qwen2Tokenizer",
            "model_max_length": shape.context,
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "bos_token": None,
            "unk_token": None,
            "additional_special_tokens": list(SPECIAL[1:]),
            "clean_up_tokenization_spaces": False,
            "split_special_tokens": False,
            "errors": "replace",
            "add_prefix_space": False,
            "chat_template": _CHAT,
            "extra_special_tokens": {},
        },
        **processor_configs(ids),
    }
    for name, content in files.items():
        (directory / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    (directory / "chat_template.jinja").write_text(_CHAT, encoding="utf-8")


def _ids(tokenizer: Tokenizer, tokens: Iterable[str]) -> dict[str, int]:
    found = {token: tokenizer.token_to_id(token) for token in tokens}
    return {token: number for token, number in found.items() if number is not None}


def _trained(size: int, corpus: Iterable[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(byte_fallback=False))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=[], min_frequency=2
    )
    tokenizer.train_from_iterator(corpus, trainer)
    tokenizer.add_tokens([AddedToken(phrase, normalized=False) for phrase in PHRASES])
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return tokenizer
