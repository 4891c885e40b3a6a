"""The data of each step, drawn from the seed and the step's number alone: any number of workers gives the same."""

from __future__ import annotations

from collections.abc import Sequence as Sequences
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from consumer.demo.world import PALETTE
from tools.tiny_model.merges import random_merge
from tools.tiny_model.plan import Plan
from tools.tiny_model.sequences import Sequence, merge_sequence, window_sequence
from tools.tiny_model.tokenizer import Tokens
from tools.tiny_model.windows import Window, random_window
from tools.tiny_model.wording import random_request

IGNORED = -100
"""A label that is not learned."""
LONGEST = 4608
_ROUND = 64
_PALETTE_NOISE = 7.0
NOISES = 5
"""Random numbers that decide how a window's pictures are worsened."""


# Tuples, which torch.compile takes apart.
class Texts(NamedTuple):
    """Sequences side by side, padded at their ends.

    Args:
        ids, labels: shape [B, L]; a label is the token that follows.
        positions: shape [3, B, L].
        marks: flat indices into [B, L], of all sequences one after another.
        targets: of the marks.
    """

    ids: torch.Tensor
    labels: torch.Tensor
    positions: torch.Tensor
    marks: torch.Tensor
    targets: torch.Tensor


class Scenes(NamedTuple):
    """What the pictures of B windows are drawn from.

    Args:
        lanes: shape [B, 2 * pairs, MAX_AT_ONCE, FIELDS].
        backgrounds: two colours and an angle, shape [B, 7].
        markers: shape [B]; -1: none.
        palettes: shape [B, colours, 3].
        noises: from 0 to 1, shape [B, NOISES].
    """

    lanes: torch.Tensor
    backgrounds: torch.Tensor
    markers: torch.Tensor
    palettes: torch.Tensor
    noises: torch.Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """All of one step."""

    step: int
    windows: Texts
    scenes: Scenes
    merges: Texts


class Batches:
    """The batches of a plan by their step.

    Args:
        directory: of the tokenizer.
    """

    def __init__(self, directory: Path, plan: Plan) -> None:
        self._tokens, self.plan = Tokens(directory), plan

    def __len__(self) -> int:
        return self.plan.steps

    def __getitem__(self, step: int) -> Batch:
        plan, stage = self.plan, self.plan.stage(step)
        rng = np.random.default_rng([plan.seed, step])
        pairs = int(rng.choice(stage.pairs))
        windows = [random_window(rng, pairs, stage.most) for _ in range(plan.windows(step))]
        return Batch(
            step=step,
            windows=padded([self._window(rng, window) for window in windows], self._tokens.pad),
            scenes=scenes(rng, windows),
            merges=padded(self._merges(rng, step), self._tokens.pad),
        )

    def _window(self, rng: np.random.Generator, window: Window) -> Sequence:
        plan = self.plan
        request = random_request(rng, window.span, json_share=plan.json_share, question_share=plan.question_share)
        return window_sequence(self._tokens, window, request)

    def _merges(self, rng: np.random.Generator, step: int) -> list[Sequence]:
        stage = self.plan.stage(step)
        least, most = stage.chunks
        chunks = int(rng.integers(least, most + 1))
        lines = max(4, round(stage.lines * chunks / most))
        made: list[Sequence] = []
        while len(made) < self.plan.merges(chunks, lines):
            sequence = merge_sequence(self._tokens, random_merge(rng, chunks, lines))
            if len(sequence.ids) <= LONGEST:
                made.append(sequence)
        return made


def padded(sequences: Sequences[Sequence], pad: int) -> Texts:
    """Sequences of any lengths side by side; padding stands at the end, where nothing that counts can see it."""
    count, length = len(sequences), max(len(one.ids) for one in sequences)
    length = -(-length // _ROUND) * _ROUND
    ids = np.full((count, length), pad, np.int64)
    labels = np.full((count, length), IGNORED, np.int64)
    positions = np.tile(np.arange(length), (3, count, 1))
    for row, one in enumerate(sequences):
        size = len(one.ids)
        ids[row, :size] = one.ids
        labels[row, one.answer - 1 : size - 1] = one.ids[one.answer :]
        positions[:, row, :size] = one.positions
    return Texts(
        ids=torch.from_numpy(ids),
        labels=torch.from_numpy(labels),
        positions=torch.from_numpy(positions),
        marks=torch.from_numpy(np.concatenate([row * length + one.marks for row, one in enumerate(sequences)])),
        targets=torch.from_numpy(np.concatenate([one.targets for one in sequences])),
    )


def scenes(rng: np.random.Generator, windows: Sequences[Window]) -> Scenes:
    """What the windows' pictures are drawn from, each with colours and damages of its own."""
    count = len(windows)
    palette = np.array(list(PALETTE.values()), dtype=np.float32)
    palettes = np.clip(palette + rng.normal(0, _PALETTE_NOISE, (count, *palette.shape)), 0, 255)
    backgrounds = [(*window.background.one, *window.background.other, window.background.angle) for window in windows]
    markers = [-1 if window.marker is None else window.marker for window in windows]
    return Scenes(
        lanes=torch.from_numpy(np.stack([window.lanes for window in windows])),
        backgrounds=_floats(np.array(backgrounds)),
        markers=torch.tensor(markers),
        palettes=_floats(palettes),
        noises=_floats(rng.random((count, NOISES))),
    )


def _floats(values: NDArray[np.floating]) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32))
