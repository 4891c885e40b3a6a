"""Heads that only help to learn and are no part of the model: they ask hidden states early for what they must hold.

With them the answer becomes a look-up: at the end of a pair stand what happens there and its stamp, behind a line's
time stand that time and the one before it. Without them the loss of the answer falls several times as slowly.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as functional

from consumer.demo.sentences import COLOURS, SHAPES
from tools.tiny_model.batches import Scenes, Texts
from tools.tiny_model.sequences import CELLS, DIGITS, NO_DIGIT, PAIR_TARGETS
from tools.tiny_model.shape import CELL

_DIGIT_KINDS = NO_DIGIT + 1
# The shape is what is seen last: the vision tower learns it slowly.
_PAIR_WEIGHTS = {"shape": 3.0}
_EMPTY_CELL_WEIGHT = 0.1


@dataclass(frozen=True, slots=True)
class PairLosses:
    """Of what happens, of the stamps, and the share of pairs whose verb is right."""

    what: torch.Tensor
    stamp: torch.Tensor
    verbs_right: torch.Tensor


class Helpers:
    """The heads of one training.

    Args:
        hidden: size of the model's hidden states.
    """

    def __init__(self, hidden: int) -> None:
        self.heads = torch.nn.ModuleDict(
            {
                "pair": torch.nn.Linear(hidden, sum(PAIR_TARGETS.values()) + DIGITS * _DIGIT_KINDS),
                "line": torch.nn.Linear(hidden, 2 * DIGITS * _DIGIT_KINDS),
                "cell": torch.nn.Linear(hidden, len(COLOURS) + len(SHAPES) + 2),
            }
        )

    def pairs(self, hidden: torch.Tensor, texts: Texts) -> PairLosses:
        """What the ends of pairs hold; `hidden` [B, L, hidden] as tapped."""
        scores = self.heads["pair"](_marked(hidden, texts))
        sizes = list(PAIR_TARGETS.values())
        *kinds, digits = scores.split([*sizes, DIGITS * _DIGIT_KINDS], -1)
        losses = [
            _PAIR_WEIGHTS.get(name, 1.0) * functional.cross_entropy(score, target)
            for name, score, target in zip(PAIR_TARGETS, kinds, texts.targets.unbind(1), strict=False)
        ]
        verbs = kinds[0].argmax(-1) == texts.targets[:, 0]
        return PairLosses(
            what=torch.stack(losses).sum(),
            stamp=_digit_loss(digits, texts.targets[:, len(sizes) :]),
            verbs_right=verbs.float().mean(),
        )

    def lines(self, hidden: torch.Tensor, texts: Texts) -> torch.Tensor:
        """Whether the places behind lines' times hold that time and the one before; 0 where there are no lines."""
        if not len(texts.marks):
            return hidden.new_zeros((), dtype=torch.float32)
        return _digit_loss(self.heads["line"](_marked(hidden, texts)), texts.targets)

    def cells(self, seen: torch.Tensor, scenes: Scenes) -> tuple[torch.Tensor, torch.Tensor]:
        """Whether each cell of the pictures tells the colour and shape of the thing whose middle lies in it.

        Args:
            seen: tokens of the pictures, shape [pairs, cells, hidden].

        Returns:
            The loss, and the share of shapes that are right.
        """
        colours, shapes = cell_targets(scenes)
        scores = self.heads["cell"](seen.float())
        one, other = scores.split([len(COLOURS) + 1, len(SHAPES) + 1], -1)
        loss = _cell_loss(one, colours) + _cell_loss(other, shapes)
        there = shapes > 0
        right = (other.argmax(-1) == shapes) & there
        return loss, right.sum() / there.sum().clamp(min=1)


def cell_targets(scenes: Scenes) -> tuple[torch.Tensor, torch.Tensor]:
    """Colour and shape (numbers from 1; 0: nothing) in each cell at each pair's second frame, shape [pairs, cells]."""
    lanes = scenes.lanes[:, 1::2].flatten(0, 1)
    column, row = (lanes[..., 0] / CELL).floor().long(), (lanes[..., 1] / CELL).floor().long()
    inside = (lanes[..., 6] > 0) & (column >= 0) & (column < CELLS) & (row >= 0) & (row < CELLS)
    # What is nowhere goes into a cell of its own, which is cut off.
    place = torch.where(inside, row * CELLS + column, CELLS**2)
    empty = torch.zeros(len(lanes), CELLS**2 + 1, dtype=torch.long, device=lanes.device)
    colours = empty.scatter(1, place, lanes[..., 5].long() + 1)
    shapes = empty.scatter(1, place, lanes[..., 4].long() + 1)
    return colours[:, :-1], shapes[:, :-1]


def _marked(hidden: torch.Tensor, texts: Texts) -> torch.Tensor:
    return hidden.flatten(0, 1)[texts.marks].float()


def _digit_loss(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(scores.reshape(-1, _DIGIT_KINDS), targets.flatten())


def _cell_loss(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    kinds = scores.shape[-1]
    weights = torch.ones(kinds, device=scores.device)
    weights[0] = _EMPTY_CELL_WEIGHT
    return functional.cross_entropy(scores.reshape(-1, kinds), targets.flatten(), weights)
