"""The model while it learns: one step's losses, and what is right already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.nn.functional as functional

from consumer.demo.thing import SIZE
from tools.tiny_model.batches import IGNORED, Batch, Scenes, Texts
from tools.tiny_model.forward import Forward
from tools.tiny_model.helpers import Helpers
from tools.tiny_model.pictures import Painter
from tools.tiny_model.tokenizer import DOINGS, NAMES, Tokens

_PICTURES_AT_ONCE = 1280
_NAME_WEIGHT, _DOING_WEIGHT = 4.0, 3.0
_WHAT, _STAMP, _CELLS, _LINES = 0.3, 0.5, 0.5, 0.5


_Parts = TypeVar("_Parts", Texts, Scenes)


@dataclass(frozen=True, slots=True)
class Spoken:
    """Of a batch's answers: the loss, the share of right tokens, and whether all of a row are right, shape [B]."""

    loss: torch.Tensor
    right: torch.Tensor
    exact: torch.Tensor


class Learner:
    """Model, helpers and painter on one device.

    Args:
        directory: with config.json and the tokenizer; its weights are not read.
        compiled: whether layers and painter are compiled.
    """

    def __init__(self, directory: Path, device: torch.device, *, seed: int, compiled: bool) -> None:
        from transformers import AutoConfig, Qwen3VLForConditionalGeneration

        torch.manual_seed(seed)
        config = AutoConfig.from_pretrained(directory)
        self.device, self._seed = device, seed
        self.model: Any = Qwen3VLForConditionalGeneration(config).float().to(device).train()
        self.helpers = Helpers(config.text_config.hidden_size)
        self.helpers.heads.to(device)
        self._tap = config.text_config.num_hidden_layers // 2
        grid = round(config.vision_config.num_position_embeddings**0.5)
        dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.forward = Forward(self.model, grid=grid, dtype=dtype, compiled=compiled)
        painter = Painter(device)
        self._patches = torch.compile(painter.patches, dynamic=True) if compiled else painter.patches
        self._weights = _token_weights(Tokens(directory), config.text_config.vocab_size).to(device)

    def named_parameters(self) -> dict[str, torch.nn.Parameter]:
        """All that is learned, by name; the tied embedding once."""
        parts = {"model": self.model, "helpers": self.helpers.heads}
        return {f"{part}.{name}": one for part, module in parts.items() for name, one in module.named_parameters()}

    def losses(self, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The loss to be made smaller, and figures to be shown (scalars on the device)."""
        windows, scenes, merges = self._moved(batch)
        seen = self.forward.pixels(self._pixels(batch.step, scenes))
        hidden, tapped = self.forward.text(windows.ids, windows.positions, self._tap, seen)
        spoken = self._spoken(hidden, windows)
        pairs = self.helpers.pairs(tapped, windows)
        cells, shapes_right = self.helpers.cells(seen[0], scenes)
        hidden, tapped = self.forward.text(merges.ids, merges.positions, self._tap)
        merged = self._spoken(hidden, merges)
        lines = self.helpers.lines(tapped, merges)
        loss = spoken.loss + _WHAT * pairs.what + _STAMP * pairs.stamp + _CELLS * cells + merged.loss + _LINES * lines
        return loss, {
            "answer loss": spoken.loss,
            "answer tokens": spoken.right,
            "answers exact": spoken.exact.mean(),
            "pairs' loss": pairs.what,
            "pairs' verbs": pairs.verbs_right,
            "stamps' loss": pairs.stamp,
            "cells' loss": cells,
            "cells' shapes": shapes_right,
            "merge loss": merged.loss,
            "merge tokens": merged.right,
            "merges exact": merged.exact.mean(),
            "lines' loss": lines,
        }

    def exact(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Which answers are right in every token, given those before it: windows and merges, shapes [B]."""
        windows, scenes, merges = self._moved(batch)
        with torch.no_grad():
            seen = self.forward.pixels(self._pixels(batch.step, scenes))
            hidden, _ = self.forward.text(windows.ids, windows.positions, self._tap, seen)
            text, _ = self.forward.text(merges.ids, merges.positions, self._tap)
            return self._spoken(hidden, windows).exact.cpu(), self._spoken(text, merges).exact.cpu()

    def _spoken(self, hidden: torch.Tensor, texts: Texts) -> Spoken:
        learned = texts.labels != IGNORED
        labels = texts.labels[learned]
        scores = self.forward.logits(hidden[learned])
        weights = self._weights[labels]
        loss = (functional.cross_entropy(scores, labels, reduction="none") * weights).sum() / weights.sum()
        wrong = (scores.argmax(-1) != labels).float()
        rows = learned.nonzero()[:, 0]
        mistakes = torch.zeros(len(hidden), device=hidden.device).index_add(0, rows, wrong)
        return Spoken(loss, 1 - wrong.mean(), (mistakes == 0).float())

    def _pixels(self, step: int, scenes: Scenes) -> torch.Tensor:
        """The pictures' patches, a part of the windows after the other, since the whole would not fit."""
        # The noise is the step's own, so that a resumed training sees the same.
        dice = torch.Generator(self.device).manual_seed(self._seed * 1_000_003 + step)
        count, frames = scenes.lanes.shape[:2]
        each = max(1, _PICTURES_AT_ONCE // frames)
        parts = []
        with torch.no_grad():
            for first in range(0, count, each):
                part = _moved(scenes, itemgetter(slice(first, first + each)))
                size = (len(part.markers), frames, 3, SIZE, SIZE)
                noise = torch.randn(size, generator=dice, device=self.device)
                parts.append(self._patches(part, noise))
        return torch.cat(parts)

    def _moved(self, batch: Batch) -> tuple[Texts, Scenes, Texts]:
        def move(one: torch.Tensor) -> torch.Tensor:
            return one.to(self.device, non_blocking=True)

        return _moved(batch.windows, move), _moved(batch.scenes, move), _moved(batch.merges, move)


def _moved(parts: _Parts, move: Callable[[torch.Tensor], torch.Tensor]) -> _Parts:
    return type(parts)(*(move(one) for one in parts))


def _token_weights(tokens: Tokens, vocabulary: int) -> torch.Tensor:
    """How much each token counts: what is hard to see more than what follows from the form."""
    weights = torch.ones(vocabulary)
    weights[[tokens.ids[name] for name in NAMES]] = _NAME_WEIGHT
    weights[[tokens.ids[doing] for doing in DOINGS]] = _DOING_WEIGHT
    return weights
