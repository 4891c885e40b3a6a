"""How long the model is trained, at which rate, and how the data grow harder meanwhile (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

LINE_TOKENS = 10
CHUNK_TOKENS = 26
"""About what a line of a list and the head of a chunk cost."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The data from a share of the training on.

    Args:
        begins: share of all steps.
        pairs: lengths of windows in seconds; one is drawn a step.
        windows: how many a step.
        most: things in view at once.
        chunks: least and most chunks of a merge.
        lines: most lines of a merge's lists together.
    """

    begins: float
    pairs: tuple[int, ...]
    windows: int
    most: int
    chunks: tuple[int, int]
    lines: int


STAGES = (
    Stage(0.0, (5, 8), 256, 1, (1, 2), 12),
    Stage(0.1, (6, 8, 10), 256, 2, (1, 4), 30),
    Stage(0.16, (8, 10, 14), 176, 3, (1, 8), 70),
    Stage(0.4, (10, 14, 20), 128, 3, (2, 12), 120),
    Stage(0.65, (10, 15, 20, 20, 25, 30), 112, 3, (3, 13), 180),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole training; the same plan and seed ask for the same data at each step.

    Args:
        scale: share of the batch sizes, for trials on small machines.
        merge_tokens: of the text-only part of a step, about.
        trial: batches that the trained model is tried with.
    """

    steps: int = 6000
    seed: int = 1
    scale: float = 1.0
    rate: float = 1.5e-3
    warm_up: int = 250
    flat: float = 0.55
    merge_tokens: int = 40_000
    json_share: float = 0.22
    question_share: float = 0.2
    trial: int = 20
    stages: tuple[Stage, ...] = STAGES

    def stage(self, step: int) -> Stage:
        """The data of a step."""
        return [stage for stage in self.stages if stage.begins <= step / self.steps][-1]

    def rate_at(self, step: int) -> float:
        """The learning rate: a warm-up, level until `flat`, then down to a hundredth along a cosine."""
        warm = min(1.0, (step + 1) / self.warm_up)
        done = step / self.steps
        if done < self.flat:
            return self.rate * warm
        falling = 0.5 * (1 + math.cos(math.pi * min(1.0, (done - self.flat) / (1 - self.flat))))
        return self.rate * warm * (0.99 * falling + 0.01)

    def windows(self, step: int) -> int:
        """Windows of a step."""
        return max(2, round(self.stage(step).windows * self.scale))

    def merges(self, chunks: int, lines: int) -> int:
        """Merges of a step whose lists have so many chunks and lines at most: few long ones, or many short ones."""
        each = 60 + chunks * CHUNK_TOKENS + 2 * lines * LINE_TOKENS
        return int(np.clip(round(self.merge_tokens * self.scale / each), 2, 128))
