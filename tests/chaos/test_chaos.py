"""Three seeds of everything at once; `python -m tests.chaos` is the long form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.ground import Ground
from tests.chaos.run import Run

FAULTS, WORKERS = 20, 3


@pytest.fixture(scope="module")
def ground(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with Ground(tmp_path_factory.mktemp("ground")) as servers:
        yield servers


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_guarantee_holds(ground: Ground, seed: int, tmp_path: Path) -> None:
    outcome = Run(ground, seed, FAULTS, WORKERS, tmp_path).carry_out()
    assert not outcome.violations, outcome.complaint()
    assert outcome.deaths >= 1, "the poison job was worked on"
