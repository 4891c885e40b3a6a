"""The rules that the small model relies on, held for any seed and length."""

from __future__ import annotations

import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.demo.thing import EARLY, MAX_RADIUS, MIN_RADIUS, SIZE, Pause, Thing, Turn
from consumer.demo.world import FIRST_SECOND, MAX_AT_ONCE, PALETTE, Script, fits, write_script

scripts = st.builds(write_script, seed=st.integers(0, 2**32), seconds=st.integers(10, 200))


def moments(script: Script, step: float = 0.25) -> list[float]:
    return [float(moment) for moment in np.arange(0, script.seconds, step)]


@given(scripts)
def test_at_most_one_event_a_second_each_just_before_a_whole_one(script: Script) -> None:
    times = [event.time for event in script.events]
    assert all(abs(time + EARLY - round(time + EARLY)) < 1e-6 for time in times)
    seconds = [round(time + EARLY) for time in times]
    assert len(set(seconds)) == len(seconds)
    assert all(FIRST_SECOND <= second < script.seconds for second in seconds)


@given(scripts)
@settings(max_examples=30)
def test_no_two_things_in_view_look_alike_touch_or_crowd(script: Script) -> None:
    for moment in moments(script):
        seen = [thing for thing in script.things if thing.visible(moment)]
        assert len(seen) <= MAX_AT_ONCE
        looks = [(thing.shape, thing.colour_at(moment)) for thing in seen]
        assert len(set(looks)) == len(looks)
        for one, other in combinations(seen, 2):
            assert np.linalg.norm(one.position(moment) - other.position(moment)) > one.radius + other.radius


@given(scripts)
@settings(max_examples=30)
def test_an_event_is_what_is_seen_at_its_time(script: Script) -> None:
    for thing in script.things:
        assert MIN_RADIUS <= thing.radius <= MAX_RADIUS
        for event in thing.events():
            before, after = thing.position(event.time - 0.05), thing.position(event.time + 0.05)
            moved = float(np.linalg.norm(after - before))
            if event.verb == "enters":
                assert _fully_in_view(thing, event.time) and _fully_in_view(thing, event.time + 0.6)
                assert not _fully_in_view(thing, event.time - 0.1)
            elif event.verb == "leaves":
                assert thing.visible(event.time - 0.01) and not thing.visible(event.time + 0.01)
            elif event.verb == "turns":
                colours = thing.colour_at(event.time - 0.01), thing.colour_at(event.time + 0.01)
                assert colours == (event.colour, event.new_colour) and colours[0] != colours[1]
            else:
                assert moved == pytest.approx(thing.speed * 0.05, rel=1e-3)


def _fully_in_view(thing: Thing, time: float) -> bool:
    position = thing.position(time)
    return bool((position > thing.radius - 1.1).all() and (position < SIZE - thing.radius + 1.1).all())


@given(st.integers(0, 2**32), st.integers(10, 120))
@settings(max_examples=20)
def test_a_seed_is_a_script(seed: int, seconds: int) -> None:
    assert write_script(seed, seconds) == write_script(seed, seconds)
    assert write_script(seed, seconds) != write_script(seed + 1, seconds)


@given(st.integers(0, 2**32))
@settings(max_examples=20)
def test_two_minutes_are_not_empty(seed: int) -> None:
    script = write_script(seed, 120)
    assert len(script.events) >= 20
    assert {event.verb for event in script.events} >= {"enters", "leaves"}


def test_an_hour_is_written_in_seconds_not_minutes() -> None:
    began = time.process_time()
    script = write_script(1, 3600)
    assert time.process_time() - began < 20
    assert len(script.events) > 1000
    assert script.events[-1].time > 3580


def test_a_thing_is_at_many_times_where_it_is_at_each() -> None:
    thing = crossing(100, pause=Pause(4, 5))
    times = np.arange(0, 9, 0.25, dtype=np.float64)
    assert np.array_equal(thing.positions(times), np.array([thing.position(float(one)) for one in times]))


def test_every_colour_stands_out_from_the_background() -> None:
    for seed in range(50):
        background = write_script(seed, 10).background
        for colour in PALETTE.values():
            for shade in (background.one, background.other):
                assert np.abs(np.array(colour) - np.array(shade)).sum() > 150


def test_a_length_below_the_least_is_refused() -> None:
    with pytest.raises(ValueError, match="10 seconds"):
        write_script(1, 9)


def crossing(y: float, *, enters: int = 3, **values: object) -> Thing:
    given: dict[str, object] = {"shape": "circle", "colour": "red"} | values
    return Thing(
        radius=20,
        rotation=0,
        origin="left",
        goal="right",
        start=(-20, y),
        end=(SIZE + 20, y),
        enters=enters,
        leaves=enters + 4,
        **given,  # type: ignore[arg-type]
    )


def test_the_sentences_of_a_whole_life() -> None:
    thing = crossing(100, colour="orange", pause=Pause(4, 5), turn=Turn(6, "blue"))
    assert [(event.time, event.sentence) for event in thing.events()] == [
        (2.9, "an orange circle enters from the left"),
        (3.9, "the orange circle stops"),
        (4.9, "the orange circle moves on"),
        (5.9, "the orange circle turns blue"),
        (6.9, "the blue circle leaves to the right"),
    ]


@pytest.mark.parametrize(
    ("other", "allowed"),
    [
        (crossing(160, enters=4, colour="blue"), True),
        (crossing(160, enters=3, colour="blue"), False),  # two events in one second
        (crossing(160, enters=4, colour="red"), False),  # two red circles
        (crossing(160, enters=4, colour="red", shape="star"), True),
        (crossing(160, enters=4, colour="blue", turn=Turn(6, "red")), False),  # two red circles later
        (crossing(160, enters=8, colour="red"), False),  # the same look a moment later
        (crossing(160, enters=12, colour="red"), True),
    ],
)
def test_what_may_be_beside_a_red_circle(other: Thing, allowed: bool) -> None:
    assert fits(other, [crossing(100)]) is allowed


def test_nothing_runs_into_a_thing_that_stands() -> None:
    standing = crossing(100, pause=Pause(5, 6))
    assert not fits(crossing(100, enters=4, colour="blue"), [standing])
    assert fits(crossing(160, enters=4, colour="blue"), [standing])


def test_not_four_at_once() -> None:
    shapes = ("circle", "square", "triangle", "star")
    things = [crossing(24 + 48 * k, enters=3 + k, shape=shapes[k]) for k in range(4)]
    assert fits(things[2], things[:2])
    assert not fits(things[3], things[:3])
