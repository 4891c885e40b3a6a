"""The decision over any fleet: what it never does, and that it comes to rest."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.runpod.scaling import Decision, Demand, Lack, Limits, Member, MemberState, decide, wanted_pods

STATES = st.sampled_from(list(MemberState))
PRICES = st.floats(0.1, 5.0)
FLEETS = st.lists(st.tuples(STATES, PRICES), max_size=12).map(
    lambda given: [Member(f"pod{number}", state, price) for number, (state, price) in enumerate(given)]
)
DEMANDS = st.builds(Demand, st.floats(0, 1e6), st.floats(0.5, 100.0), st.integers(0, 64))
LIMITS = st.builds(
    Limits,
    target_seconds=st.floats(60, 7200),
    max_pods=st.integers(0, 12),
    max_hourly=st.floats(0, 40),
    min_pods=st.integers(0, 3),
    cooldown_seconds=st.floats(0, 1200),
    start_seconds=st.floats(0, 900),
)
SURPLUS = st.none() | st.floats(0, 5000)
NOW = 5000.0
FIVE = Limits(target_seconds=600, max_pods=5, max_hourly=5.0, start_seconds=0)


def _fleet(**counts: int) -> list[Member]:
    return [Member(f"{state}{n}", MemberState(state), 1.0) for state, count in counts.items() for n in range(count)]


def _decide(
    members: list[Member],
    demand: Demand | None,
    limits: Limits = FIVE,
    *,
    since: float | None = None,
    price: float | None = 1.0,
) -> Decision:
    return decide(members, demand, limits, price=price, surplus_since=since, now=NOW)


@given(FLEETS, st.none() | DEMANDS, LIMITS, SURPLUS, st.none() | PRICES)
def test_what_no_decision_does(
    members: list[Member], demand: Demand | None, limits: Limits, since: float | None, price: float | None
) -> None:
    found = decide(members, demand, limits, price=price, surplus_since=since, now=NOW)
    by_id = {one.id: one for one in members}
    removed = [by_id[one] for one in found.remove]
    assert len(set(found.remove)) == len(found.remove)
    # Pods that work stay, and what is broken goes, whatever else holds.
    assert not any(one.state is MemberState.WORKING for one in removed)
    assert {one.id for one in members if one.state is MemberState.BROKEN} <= set(found.remove)
    if found.create:
        assert price is not None
        assert demand is not None
        assert len(members) + found.create <= limits.max_pods
        assert sum(one.hourly for one in members) + found.create * price <= limits.max_hourly + 0.01
        assert not any(one.state in (MemberState.IDLE, MemberState.STARTING) for one in removed)
    if found.lack is not None:
        assert min(lack := dataclasses.astuple(found.lack)) >= 0
        assert found.wanted is not None
        live = sum(one.state is not MemberState.BROKEN for one in members)
        assert live + found.create + sum(lack) >= found.wanted, "whatever is not there has a reason"
    if demand is not None and (demand.backlog_seconds == 0 and limits.min_pods == 0):
        assert found.create == 0


@given(FLEETS, DEMANDS, LIMITS, SURPLUS)
def test_fewer_only_after_the_cool_down_and_only_idle_ones(
    members: list[Member], demand: Demand, limits: Limits, since: float | None
) -> None:
    found = decide(members, demand, limits, price=1.0, surplus_since=since, now=NOW)
    live = [one for one in members if one.state is not MemberState.BROKEN]
    over = len(live) > limits.max_pods or sum(one.hourly for one in live) > limits.max_hourly
    gone = [one for one in live if one.id in found.remove]
    if gone and not over:
        assert all(one.state is MemberState.IDLE for one in gone)
        assert NOW - (NOW if since is None else since) >= limits.cooldown_seconds
        assert found.wanted is not None
        assert len(live) - len(gone) >= found.wanted


@given(FLEETS, DEMANDS, LIMITS)
def test_as_many_as_wanted_where_no_ceiling_stands_against_it(
    members: list[Member], demand: Demand, limits: Limits
) -> None:
    rich = dataclasses.replace(limits, max_pods=10**6, max_hourly=1e9)
    found = decide(members, demand, rich, price=1.0, surplus_since=None, now=NOW)
    live = sum(one.state is not MemberState.BROKEN for one in members)
    assert found.wanted is not None
    assert live + found.create >= found.wanted


@given(DEMANDS, st.floats(0, 1e6), st.integers(0, 12), LIMITS)
def test_more_video_never_wants_fewer_pods(demand: Demand, more: float, ready: int, limits: Limits) -> None:
    bigger = dataclasses.replace(demand, backlog_seconds=demand.backlog_seconds + more)
    assert wanted_pods(bigger, ready, limits) >= wanted_pods(demand, ready, limits)


@given(FLEETS, DEMANDS, LIMITS)
def test_a_constant_demand_comes_to_rest(members: list[Member], demand: Demand, limits: Limits) -> None:
    """Pods that are made become ready, nothing else happens: after a few rounds nothing is made or removed any more."""
    since: float | None = None
    for step in range(40):
        now = NOW + step * 600
        found = decide(members, demand, limits, price=1.0, surplus_since=since, now=now)
        since = found.surplus_since
        if step >= 30:
            assert (found.create, found.remove) == (0, ()), f"it is not at rest in round {step}"
        members = [
            dataclasses.replace(one, state=MemberState.IDLE) if one.state is MemberState.STARTING else one
            for one in members
            if one.id not in found.remove
        ] + [Member(f"new{step}-{n}", MemberState.STARTING, 1.0) for n in range(found.create)]


@given(DEMANDS, LIMITS)
def test_enough_to_finish_in_time(demand: Demand, limits: Limits) -> None:
    wanted = wanted_pods(demand, 0, limits)
    if 0 < wanted < demand.parallel and limits.start_seconds <= limits.target_seconds / 2:
        worked = wanted * (limits.target_seconds - limits.start_seconds) * demand.speed
        assert worked >= demand.backlog_seconds * (1 - 1e-9)
        assert wanted == math.ceil(
            demand.backlog_seconds / demand.speed / (limits.target_seconds - limits.start_seconds)
        )


@pytest.mark.parametrize(
    ("backlog", "wanted"), [(0.0, 0), (1.0, 1), (6_000.0, 1), (6_001.0, 2), (29_000.0, 5), (1e9, 5)]
)
def test_pods_by_the_hours_of_video_that_wait(backlog: float, wanted: int) -> None:
    found = _decide([], Demand(backlog, speed=10.0, parallel=99))
    assert (found.wanted, found.create) == (wanted, wanted)


def test_more_pods_than_jobs_are_of_no_use() -> None:
    assert _decide([], Demand(1e9, speed=10.0, parallel=2)).create == 2


def test_a_pod_that_must_be_made_first_has_less_time() -> None:
    limits = dataclasses.replace(FIVE, start_seconds=200)
    demand = Demand(12_000.0, speed=10.0, parallel=99)
    assert [wanted_pods(demand, ready, limits) for ready in (0, 1, 2)] == [3, 3, 2]
    # However slow the start, the pods are not without number.
    assert wanted_pods(demand, 0, dataclasses.replace(FIVE, start_seconds=5000)) == 4


def test_money_is_a_ceiling_too() -> None:
    limits = dataclasses.replace(FIVE, max_hourly=2.0)
    assert _decide(_fleet(working=1), Demand(1e9, 10.0, 99), limits, price=0.5).create == 2
    assert _decide(_fleet(working=1), Demand(1e9, 10.0, 99), limits, price=1.01).create == 0
    assert _decide(_fleet(working=1, broken=1), Demand(1e9, 10.0, 99), limits, price=0.5).create == 0
    assert _decide(_fleet(working=1), Demand(1e9, 10.0, 99), limits, price=None).create == 0


@pytest.mark.parametrize(
    ("limits", "price", "lack"),
    [
        ({}, 0.5, Lack()),
        ({"max_pods": 3}, 0.5, Lack(max_pods=2)),
        ({"max_hourly": 2.0}, 0.5, Lack(max_hourly=2)),
        ({"max_hourly": 0.0}, 0.5, Lack(max_hourly=4)),
        ({"max_pods": 3, "max_hourly": 1.5}, 0.5, Lack(max_pods=2, max_hourly=1)),
        ({"max_pods": 3}, None, Lack(max_pods=2, sold_out=2)),
    ],
)
def test_what_stands_in_the_way_of_pods_is_told(limits: dict[str, Any], price: float | None, lack: Lack) -> None:
    """Five are needed, and one is there."""
    found = _decide(_fleet(working=1), Demand(29_000.0, 10.0, 99), dataclasses.replace(FIVE, **limits), price=price)
    assert found.lack == lack


def test_pods_lack_though_more_are_there_than_a_lowered_ceiling_allows() -> None:
    limits = dataclasses.replace(FIVE, max_pods=2)
    assert _decide(_fleet(working=3), Demand(29_000.0, 10.0, 99), limits).lack == Lack(max_pods=2)
    assert _decide(_fleet(working=3), Demand(0.0, 10.0, 0), limits).lack == Lack()


def test_a_broken_pod_takes_up_room_until_it_is_gone() -> None:
    assert _decide(_fleet(working=3, broken=1), Demand(1e9, 10.0, 99), price=0.1).create == 1


def test_a_surplus_is_removed_after_the_cool_down() -> None:
    nothing = Demand(0.0, 10.0, 0)
    fleet = _fleet(working=1, idle=2, starting=1)
    first = _decide(fleet, nothing)
    assert (first.remove, first.surplus_since) == ((), NOW)
    assert _decide(fleet, nothing, since=NOW - 599).remove == ()
    assert _decide(fleet, nothing, since=NOW - 600).remove == ("idle0", "idle1")
    # Work in between begins it anew.
    assert _decide(fleet, Demand(1e9, 10.0, 99), since=NOW - 599).surplus_since is None


def test_the_dearest_goes_first() -> None:
    fleet = [Member("a", MemberState.IDLE, 0.4), Member("b", MemberState.IDLE, 0.9), Member("c", MemberState.IDLE, 0.4)]
    assert _decide(fleet, Demand(100.0, 10.0, 9), since=0.0).remove == ("b", "a")


def test_pods_that_stand_by() -> None:
    limits = dataclasses.replace(FIVE, min_pods=2)
    assert _decide([], Demand(0.0, 10.0, 0), limits).create == 2
    assert _decide(_fleet(idle=3), Demand(0.0, 10.0, 0), limits, since=0.0).remove == ("idle0",)


def test_a_lowered_ceiling_takes_idle_pods_then_starting_ones_at_once() -> None:
    limits = dataclasses.replace(FIVE, max_pods=2)
    demand = Demand(1e9, 10.0, 99)
    assert _decide(_fleet(working=1, starting=2, idle=1), demand, limits).remove == ("idle0", "starting0")
    assert _decide(_fleet(working=4), demand, limits).remove == ()
    assert _decide(_fleet(idle=4), None, dataclasses.replace(FIVE, max_hourly=3.0)).remove == ("idle0",)


def test_with_an_unknown_demand_only_what_is_broken_goes() -> None:
    found = _decide(_fleet(idle=2, broken=1), None, since=0.0)
    assert found == Decision(None, 0, ("broken0",), 0.0, None)
