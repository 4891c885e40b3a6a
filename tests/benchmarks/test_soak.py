"""Half an hour of a steady load with two rolling restarts and a broker's: memory, the time to leave, the logs.

Conditions: three Kafka brokers, MinIO and four workers on this machine, the synthetic engine at 0.2 s a chunk, one job
of three chunks a second, SHUTDOWN_GRACE_SECONDS 10.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.ground import Ground
from tests.chaos.soak import GRACE_SECONDS, Soak

MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))


@pytest.mark.timeout(MINUTES * 60 + 900)
def test_half_an_hour_of_restarts(tmp_path: Path) -> None:
    with Ground(tmp_path) as ground:
        logs = tmp_path / "logs"
        logs.mkdir()
        outcome = Soak(ground, logs, MINUTES).carry_out()
    growths = ", ".join(f"{growth:.3f}" for growth in sorted(outcome.growths))
    warnings = ", ".join(f"{count} {event}" for event, count in outcome.warnings.most_common()) or "none"
    print(
        f"\n{outcome.jobs} jobs in {MINUTES:g} minutes; memory of {len(outcome.growths)} processes, end over begin: "
        f"{growths}; from SIGTERM to the end at most {max(outcome.leaving):.1f} s; warnings: {warnings}"
    )
    assert outcome.violations == []
    assert max(outcome.growths) <= 1.05
    assert max(outcome.leaving) <= GRACE_SECONDS + 2
