"""A first look at a trained model where it was trained: fresh data, the right answers given token by token."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tools.tiny_model.batches import Batches
from tools.tiny_model.learner import Learner
from tools.tiny_model.plan import Plan

TRIAL_SEED = 9_000_000
"""Added to the seed: data that the training never sees."""


def try_out(learner: Learner, directory: Path, plan: Plan) -> dict[str, float]:
    """Shares of answers that are right in every token, of the last stage's data."""
    data = Batches(directory, replace(plan, seed=plan.seed + TRIAL_SEED))
    windows: list[float] = []
    merges: list[float] = []
    for number in range(plan.trial):
        # Any steps of the last tenth: they differ in nothing but their data.
        step = plan.steps - 1 - number % max(1, plan.steps // 10)
        one, other = learner.exact(data[step])
        windows += one.tolist()
        merges += other.tolist()
    return {
        "windows tried": len(windows),
        "windows exact": round(sum(windows) / len(windows), 4),
        "merges tried": len(merges),
        "merges exact": round(sum(merges) / len(merges), 4),
    }
