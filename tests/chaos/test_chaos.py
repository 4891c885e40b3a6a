"""Three seeds of everything at once; `python -m tests.chaos` is the long form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.ground import Ground, Protocol
from tests.chaos.run import Run

FAULTS, WORKERS = 20, 3


@pytest.fixture(scope="module")
def ground(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with Ground(tmp_path_factory.mktemp("ground")) as servers:
        yield servers


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("seed", "protocol"), [(1, "consumer"), (2, "classic"), (3, "consumer")])
def test_the_guarantee_holds(ground: Ground, seed: int, protocol: Protocol, tmp_path: Path) -> None:
    outcome = Run(ground, seed, FAULTS, WORKERS, tmp_path, protocol).carry_out()
    assert not outcome.violations, outcome.complaint()
    assert outcome.deaths >= 1, "the poison job was worked on"
