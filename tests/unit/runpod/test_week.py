"""The simulated week: nothing is lost, no ceiling is broken, and it is the same week every time."""

from __future__ import annotations

import dataclasses

import pytest

from tools.scaling.policies import LIMITS, POLICIES, Policy, by_seconds
from tools.scaling.simulation import Outcome, Simulation
from tools.scaling.week import DAY, WEEK, make_week

QUIET = dataclasses.replace(make_week(), outages=(), scarce=())


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return Simulation(make_week(), by_seconds()).play()


def test_every_job_is_done_and_no_pod_is_left(outcome: Outcome) -> None:
    assert len(outcome.waits) == len(make_week().videos)
    assert min(outcome.waits) > 0
    assert (outcome.lost > 0, outcome.left_over) == (True, 0)


def test_the_ceilings_hold(outcome: Outcome) -> None:
    assert outcome.most_pods <= LIMITS.max_pods
    assert outcome.most_hourly <= LIMITS.max_hourly + 0.01


def test_a_low_ceiling_of_money_is_what_it_costs_at_most() -> None:
    poor = by_seconds()
    poor = Policy(poor.name, dataclasses.replace(poor.limits, max_hourly=0.8), poor.demand)
    outcome = Simulation(QUIET, poor).play()
    assert outcome.most_pods == 2
    assert outcome.cost <= 0.8 * (WEEK + DAY) / 3600


def test_the_week_is_the_same_every_time() -> None:
    assert make_week(1) == make_week(1)
    assert make_week(1) != make_week(2)
    assert len({policy.name for policy in POLICIES}) == len(POLICIES)
