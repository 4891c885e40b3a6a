"""The state behind the probes, on a clock of the test's own."""

from __future__ import annotations

import pytest

from consumer.telemetry.health import Beat, HealthState, Start


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def late(state: HealthState) -> list[str]:
    return [one.name for one in state.beats() if one.late]


def test_a_start_lasts_until_it_is_said_to_be_over() -> None:
    clock = Clock()
    state = HealthState(clock)
    clock.now += 90
    assert state.start() == Start(False, 90.0)
    state.set_started()
    clock.now += 1000
    assert state.start() == Start(True, 90.0)


def test_a_loop_that_beats_is_alive_and_one_that_stops_is_named() -> None:
    clock = Clock()
    state = HealthState(clock)
    state.expect("stream", 10.0)
    state.expect("jobs", 20.0)
    clock.now += 9
    state.beat("jobs")
    clock.now += 2
    assert state.beats() == [Beat("jobs", 2.0, 20.0), Beat("stream", 11.0, 10.0)]
    assert late(state) == ["stream"]
    state.beat("stream")
    assert late(state) == []


def test_a_loop_that_never_beat_is_measured_from_when_it_was_expected() -> None:
    clock = Clock()
    state = HealthState(clock)
    state.expect("stream", 10.0)
    clock.now += 10
    assert late(state) == []
    clock.now += 0.1
    assert late(state) == ["stream"]


def test_an_unexpected_loop_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="engine"):
        HealthState().beat("engine")


def test_nothing_is_ready_before_anything_was_named() -> None:
    state = HealthState()
    assert state.parts() == {"start": False}
    state.set_ready("engine", False)
    state.set_ready("assignment", False)
    assert state.parts() == {"assignment": False, "engine": False}
    state.set_ready("engine", True)
    assert state.parts() == {"assignment": False, "engine": True}


def test_jobs_are_asked_for_when_they_are_wanted() -> None:
    state = HealthState()
    assert state.jobs() == []
    jobs = [{"job_id": "a"}]
    state.set_jobs(lambda: jobs)
    jobs.append({"job_id": "b"})
    assert state.jobs() == [{"job_id": "a"}, {"job_id": "b"}]
