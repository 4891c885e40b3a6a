"""How often the checks on answers are wrong: on text that people and programs wrote, and on answers made for it.

`tests/benchmarks/test_false_alarms.py` counts the same on all that is there; docs/answers.md has its figures.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice

import pytest

from consumer.inference.repetition import MIN_CHARACTERS, MIN_TIMES, going_round, repeated_tail
from consumer.inference.told_times import times_warning, told_times
from tests.detector_corpus import found_texts, made_texts, pieces

SEED = 6
PIECES, MADE, LOOPS = 1500, 600, 300


@pytest.fixture(scope="module")
def found() -> list[tuple[str, str]]:
    """The first pieces, of several kinds."""
    return list(islice(pieces(found_texts(), SEED, most_each=1), 0, PIECES))


def is_loop(text: str) -> bool:
    return repeated_tail(text) is not None or going_round(text) is not None


def test_the_corpus_is_one(found: list[tuple[str, str]]) -> None:
    kinds = Counter(kind for kind, _ in found)
    assert min(kinds[kind] for kind in ("documentation", "programs", "licences")) > 50
    assert sum(len(text) for _, text in found) > 1_000_000


def test_hardly_any_text_is_taken_for_a_loop(found: list[tuple[str, str]]) -> None:
    alarms = [text[-300:] for _, text in found if is_loop(text)]
    assert len(alarms) <= len(found) / 1000, alarms


def test_no_answer_of_the_usual_forms_is_taken_for_a_loop() -> None:
    assert [text for _, text in made_texts(SEED, MADE) if is_loop(text)] == []


def test_prose_names_no_moments(found: list[tuple[str, str]]) -> None:
    """What is found in programs are slices such as [4:20]."""
    alarms = [(kind, told_times(text)[:3]) for kind, text in found if kind != "programs" and told_times(text)]
    assert len(alarms) <= len(found) / 1000, alarms


def test_no_right_answer_is_said_to_name_wrong_times() -> None:
    """Their times lie within the hour; "waits for 5 seconds" is in many of them, and lies in no later chunk."""
    for _, text in made_texts(SEED, MADE):
        assert times_warning(text, start=0.0, end=3600.0, prompt="Describe it.") is None, text
        assert not [one for one in told_times(text) if one.text == "5 s"], text


def test_every_loop_is_found(found: list[tuple[str, str]]) -> None:
    """Whatever came before: a line of the text that comes again until the answer is cut off, anywhere in the line."""
    chance = random.Random(SEED)
    for _, text in found[:LOOPS]:
        lines = [line for line in text.splitlines() if len(line.strip()) > 3] or ["again and again"]
        unit = chance.choice(lines)[:500] + "\n"
        times = max(MIN_TIMES, -(-MIN_CHARACTERS // len(unit))) + 2
        looped = text + "\n" + unit * times
        assert repeated_tail(looped[: len(looped) - chance.randrange(len(unit))]) is not None, unit
