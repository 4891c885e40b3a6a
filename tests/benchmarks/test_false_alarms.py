"""How often the checks on answers take a good text for a bad one; docs/answers.md has the figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import pytest

from consumer.inference.repetition import going_round, repeated_tail
from consumer.inference.told_times import times_warning, told_times
from tests.detector_corpus import found_texts, made_texts, pieces

pytestmark = pytest.mark.timeout(1800)

SEED = 1


def count(texts: Iterable[tuple[str, str]], wrong: Callable[[str], bool]) -> dict[str, tuple[int, int, int]]:
    """By kind: how many texts, in how many of them a loop is found, and a moment that is none."""
    all_texts, loops, moments = Counter[str](), Counter[str](), Counter[str]()
    for kind, text in texts:
        all_texts[kind] += 1
        loops[kind] += repeated_tail(text) is not None or going_round(text) is not None
        moments[kind] += wrong(text)
    return {kind: (number, loops[kind], moments[kind]) for kind, number in all_texts.items()}


def test_false_alarms() -> None:
    found = count(pieces(found_texts(), SEED, most_each=40), lambda text: bool(told_times(text)))
    # Moments are named there; all lie in the video.
    made = count(
        made_texts(SEED, 12_000),
        lambda text: times_warning(text, start=0.0, end=3600.0, prompt="Describe it.") is not None,
    )
    print("\nkind | texts | taken for a loop | a moment found where there is none")
    for kind, (number, loops, moments) in [*found.items(), *made.items()]:
        print(f"{kind} | {number} | {loops} | {moments}")
    assert sum(loops for _, loops, _ in found.values()) <= sum(number for number, _, _ in found.values()) / 1000
    assert sum(loops + moments for _, loops, moments in made.values()) == 0
