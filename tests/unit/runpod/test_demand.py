from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.runpod.api_models import Pod, PodGpu
from consumer.runpod.demand import Assumed, estimate
from consumer.runpod.prometheus import Measures
from consumer.runpod.reconcile import Patience, classify
from consumer.runpod.scaling import Demand, MemberState
from consumer.stream.group_view import GroupView

ASSUMED = Assumed(job_seconds=600, speed=5)
TODAY = datetime(2026, 11, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("undone", "measures", "demand"),
    [
        ({}, None, Demand(0, 5, 0)),
        ({0: 2, 3: 1}, None, Demand(1800, 5, 2)),
        ({0: 2, 3: 1}, Measures(job_seconds=100, speed=20), Demand(300, 20, 2)),
        # Two in work with 500 s left, the third a mean one.
        ({0: 2, 3: 1}, Measures(500, 2, 100, 20), Demand(600, 20, 2)),
        # A worker that is gone is still in the figures.
        ({0: 1}, Measures(900, 3, 100, 20), Demand(300, 20, 1)),
        ({}, Measures(900, 3, 100, 20), Demand(0, 20, 0)),
        # Short as they were, there is something to do.
        ({0: 4}, Measures(job_seconds=0.0), Demand(4, 5, 1)),
    ],
)
def test_the_backlog_in_seconds_of_video(undone: dict[int, int], measures: Measures | None, demand: Demand) -> None:
    assert estimate(GroupView(undone), measures, ASSUMED) == demand


@given(
    st.dictionaries(st.integers(0, 31), st.integers(1, 500)),
    st.builds(
        Measures,
        st.floats(0, 1e7),
        st.floats(0, 1e4),
        st.none() | st.floats(0, 1e5),
        st.none() | st.floats(0.01, 1e3),
    ),
)
def test_nothing_undone_is_nothing_to_do_and_else_there_is_something(
    undone: dict[int, int], measures: Measures
) -> None:
    demand = estimate(GroupView(undone), measures, ASSUMED)
    assert (demand.backlog_seconds > 0) == bool(undone)
    assert demand.speed > 0


def _pod(status: str = "RUNNING", *, age: float = 3600.0, cost: float = 0.5) -> Pod:
    made = TODAY - timedelta(seconds=age)
    return Pod(id="a", name="films-1", status=status, cost=cost, created_at=made, gpu=PodGpu(id="L4", count=2))


BUSY = GroupView({1: 1}, {"films-1": frozenset({0, 1})})
IDLE = GroupView({7: 1}, {"films-1": frozenset({0, 1})})
WITHOUT = GroupView({7: 1}, {"somebody": frozenset({0, 1})})


@pytest.mark.parametrize(
    ("pod", "group", "state"),
    [
        (_pod(), BUSY, MemberState.WORKING),
        (_pod(), IDLE, MemberState.IDLE),
        (_pod(), GroupView({}, {"films-1": frozenset()}), MemberState.IDLE),
        # In the group is in the group, whatever the list of pods says yet.
        (_pod("STARTING"), BUSY, MemberState.WORKING),
        (_pod("ERROR"), BUSY, MemberState.BROKEN),
        (_pod("EXITED"), WITHOUT, MemberState.BROKEN),
        (_pod("PROVISIONING", age=10), WITHOUT, MemberState.STARTING),
        (_pod("RUNNING", age=10), WITHOUT, MemberState.STARTING),
        (_pod("PROVISIONING"), WITHOUT, MemberState.BROKEN),
        (_pod("STARTING"), None, MemberState.BROKEN),
        (_pod("A_NEW_STATE"), BUSY, MemberState.WORKING),
        # Nobody knows, so it is left alone.
        (_pod(), None, MemberState.WORKING),
        (_pod(age=10), None, MemberState.STARTING),
    ],
)
def test_what_a_pod_is(pod: Pod, group: GroupView | None, state: MemberState) -> None:
    found, missed = classify([pod], group, prices={}, missed={}, patience=Patience(), today=TODAY, now=0.0)
    assert ([one.state for one in found], missed) == ([state], {})


def test_a_pod_that_is_missed_in_the_group_is_broken_after_a_while() -> None:
    missed: dict[str, float] = {}
    for now, state in ((100.0, "starting"), (399.0, "starting"), (400.0, "broken")):
        found, missed = classify([_pod()], WITHOUT, prices={}, missed=missed, patience=Patience(), today=TODAY, now=now)
        assert (found[0].state.value, missed) == (state, {"a": 100.0})
    found, missed = classify([_pod()], BUSY, prices={}, missed=missed, patience=Patience(), today=TODAY, now=500.0)
    assert (found[0].state.value, missed) == ("working", {})


def test_a_pod_without_a_cost_yet_costs_what_the_catalogue_says() -> None:
    pods = [_pod("PROVISIONING", age=1, cost=0.0), _pod("EXITED", cost=0.0), _pod()]
    found, _ = classify(pods, WITHOUT, prices={"L4": 0.39}, missed={}, patience=Patience(), today=TODAY, now=0.0)
    assert [one.hourly for one in found] == [0.78, 0.0, 0.5]
