"""The table of docs/scaling.md. `python -m tools.scaling.table` prints it."""

from __future__ import annotations

from tools.scaling.policies import LIMITS, POLICIES
from tools.scaling.simulation import Outcome, Simulation
from tools.scaling.week import make_week

_HEAD = (
    "| policy | cost, $ | pod hours | wait, median, min | 95 of 100, min | longest, min | within the hour | most pods "
    "| lost pods |"
)


def week_table(seed: int = 1) -> str:
    """Every policy on the same week, as a Markdown table."""
    week = make_week(seed)
    rows = [_row(policy.name, Simulation(week, policy, seed).play()) for policy in POLICIES]
    return "\n".join([_HEAD, "|---|" + "---:|" * 8, *rows]) + "\n"


def _row(name: str, outcome: Outcome) -> str:
    waits = sorted(outcome.waits)
    in_time = sum(wait <= LIMITS.target_seconds for wait in waits) / len(waits)
    values = (
        name,
        f"{outcome.cost:.0f}",
        f"{outcome.pod_hours:.0f}",
        f"{waits[len(waits) // 2] / 60:.1f}",
        f"{waits[int(len(waits) * 0.95)] / 60:.0f}",
        f"{waits[-1] / 60:.0f}",
        f"{in_time:.1%}",
        str(outcome.most_pods),
        str(outcome.lost),
    )
    return f"| {' | '.join(values)} |"


if __name__ == "__main__":
    print(week_table(), end="")
