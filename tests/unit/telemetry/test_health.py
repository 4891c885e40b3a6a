"""The state behind the probes, on a clock of the test's own."""

from __future__ import annotations

import pytest

from consumer.telemetry.health import HealthState, Stall


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_loop_that_beats_is_alive_and_one_that_stops_is_named() -> None:
    clock = Clock()
    state = HealthState(clock)
    state.expect("stream", 10.0)
    state.expect("jobs", 20.0)
    clock.now += 9
    state.beat("jobs")
    clock.now += 2
    assert state.stalled() == [Stall("stream", 11.0, 10.0)]
    state.beat("stream")
    assert state.stalled() == []


def test_a_loop_that_never_beat_is_measured_from_when_it_was_expected() -> None:
    clock = Clock()
    state = HealthState(clock)
    state.expect("stream", 10.0)
    clock.now += 10
    assert state.stalled() == []
    clock.now += 0.1
    assert [one.name for one in state.stalled()] == ["stream"]


def test_an_unexpected_loop_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="engine"):
        HealthState().beat("engine")


def test_nothing_is_ready_before_anything_was_named() -> None:
    state = HealthState()
    assert state.missing() == ["start"]
    state.set_ready("engine", False)
    state.set_ready("assignment", False)
    assert state.missing() == ["assignment", "engine"]
    state.set_ready("engine", True)
    assert state.missing() == ["assignment"]
    state.set_ready("assignment", True)
    assert state.missing() == []


def test_jobs_are_asked_for_when_they_are_wanted() -> None:
    state = HealthState()
    assert state.jobs() == []
    jobs = [{"job_id": "a"}]
    state.set_jobs(lambda: jobs)
    jobs.append({"job_id": "b"})
    assert state.jobs() == [{"job_id": "a"}, {"job_id": "b"}]
