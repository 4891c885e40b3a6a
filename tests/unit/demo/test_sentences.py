"""An answer is taken apart as it was put together."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.demo.sentences import (
    COLOURS,
    NOTHING,
    SHAPES,
    SIDES,
    VERBS,
    Answer,
    Event,
    Told,
    as_json,
    as_lines,
    event_of,
    parse,
)
from consumer.inference.merge_prompt import gaps_sentence

times = st.integers(0, 900_000).map(lambda tenths: tenths / 10)


@st.composite
def any_event(draw: st.DrawFn) -> Event:
    verb = draw(st.sampled_from(VERBS))
    colour = draw(st.sampled_from(COLOURS))
    return Event(
        draw(times),
        verb,
        colour,
        draw(st.sampled_from(SHAPES)),
        side=draw(st.sampled_from(SIDES)) if verb in ("enters", "leaves") else None,
        new_colour=draw(st.sampled_from([one for one in COLOURS if one != colour])) if verb == "turns" else None,
    )


answers = st.builds(
    Answer,
    marker=st.none() | st.integers(0, 99),
    told=st.lists(any_event().map(lambda event: Told(event.time, event.sentence)), max_size=12).map(tuple),
    other=st.just(()),
    gaps=st.lists(st.tuples(times, times), max_size=4, unique=True).map(tuple),
)


@given(any_event())
def test_an_event_comes_back_from_its_sentence(event: Event) -> None:
    assert event_of(Told(event.time, event.sentence)) == event


@given(answers)
def test_an_answer_comes_back_from_its_lines_and_from_its_json(answer: Answer) -> None:
    assert parse(as_lines(answer)) == answer
    assert parse(as_json(answer)) == answer
    assert json.loads(as_json(answer))["events"] == [{"t": one.time, "what": one.sentence} for one in answer.told]


@pytest.mark.parametrize(
    "sentence",
    [
        "a orange star stops",
        "the orange star enters from the left",
        "the red circle moves",
        "the pink circle stops",
        "the red circle stops.",
        "",
    ],
)
def test_another_sentence_is_no_event(sentence: str) -> None:
    assert event_of(Told(1.0, sentence)) is None


def test_gaps_are_named_as_the_consumer_names_them() -> None:
    gaps = ((18.0, 36.0), (90.0, 108.0))
    assert as_lines(Answer(None, (), (), gaps)) == f"{NOTHING}\n{gaps_sentence(gaps)}"
    assert parse(f"{NOTHING}\n{gaps_sentence(gaps)}\n\n{gaps_sentence(gaps)}").gaps == gaps


def test_an_answer_with_everything() -> None:
    text = "marker 07\n[12.2s] an orange star enters from the top\n\n[15s] the orange star stops\nfoo bar\n"
    assert parse(text) == Answer(
        7, (Told(12.2, "an orange star enters from the top"), Told(15.0, "the orange star stops")), ("foo bar",)
    )


def test_nothing() -> None:
    assert parse(f"marker 10\n{NOTHING}") == Answer(10, (), ())
    assert parse("") == Answer(None, (), ())


def test_json_of_another_form_is_told_as_such() -> None:
    text = '{"marker": 7, "events": [{"t": 1, "what": "the red star stops"}, {"t": "2"}], "gaps": [[1, 2.5], 3]}'
    assert parse(text) == Answer(None, (Told(1.0, "the red star stops"),), ('{"t": "2"}', "3"), ((1.0, 2.5),))
    assert parse("[1, 2]").other == ("[1, 2]",)
