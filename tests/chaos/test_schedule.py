"""The faults of a run: the same for a seed, others for another, and all kinds in each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.schedule import LASTS, POISON_EVERY, ROUND, Kind, schedule

SEEDS = st.integers(0, 2**32)
SESSION_SECONDS = 3.0


@given(SEEDS, st.integers(0, 80))
def test_a_seed_always_gives_the_same_faults_and_more_only_go_on(seed: int, count: int) -> None:
    faults = schedule(seed, count)
    assert len(faults) == count
    assert schedule(seed, count) == faults
    assert [fault.number for fault in faults] == list(range(count))


def test_another_seed_gives_other_faults() -> None:
    assert len({schedule(seed, 20) for seed in range(100)}) == 100


@given(SEEDS)
def test_each_round_has_every_kind_as_often_as_it_should(seed: int) -> None:
    kinds = [fault.kind for fault in schedule(seed, sum(ROUND.values()))]
    assert {kind: kinds.count(kind) for kind in Kind} == ROUND


@given(SEEDS)
def test_a_round_of_faults_has_a_poison_job_and_a_freeze_outlasts_a_session(seed: int) -> None:
    faults = schedule(seed, POISON_EVERY)
    assert sum(fault.poison for fault in faults) == 1
    assert all(fault.seconds > SESSION_SECONDS for fault in faults if fault.kind is Kind.FREEZE)
    assert all((fault.seconds > 0) == (fault.kind in LASTS) for fault in faults)
