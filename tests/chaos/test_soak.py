"""Three minutes of a steady load with restarts; `make bench` does it for half an hour."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.ground import Ground
from tests.chaos.soak import WORKERS, Soak

MINUTES = 3.0
# Not the figure of half an hour: lives are short here, and caches still fill.
MOST_GROWTH = 1.1


@pytest.mark.timeout(900)
def test_restarts_under_load_lose_nothing_and_leave_nothing(ground: Ground, tmp_path: Path) -> None:
    outcome = Soak(ground, tmp_path, MINUTES).carry_out()
    assert outcome.violations == []
    assert len(outcome.leaving) == 3 * WORKERS
    assert outcome.growths and max(outcome.growths) < MOST_GROWTH
