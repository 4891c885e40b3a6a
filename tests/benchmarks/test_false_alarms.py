"""How often the checks on answers take a good text for a bad one; docs/answers.md has the figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

from consumer.inference.repetition import repeated_tail
from consumer.inference.told_times import told_times
from tests.detector_corpus import found_texts, made_texts, pieces

pytestmark = pytest.mark.timeout(1800)

SEED = 1


def count(texts: Iterable[tuple[str, str]]) -> dict[str, tuple[int, int, int]]:
    """By kind: how many texts, in how many of them a loop is found, and a moment."""
    all_texts, loops, moments = Counter[str](), Counter[str](), Counter[str]()
    for kind, text in texts:
        all_texts[kind] += 1
        loops[kind] += repeated_tail(text) is not None
        moments[kind] += bool(told_times(text))
    return {kind: (number, loops[kind], moments[kind]) for kind, number in all_texts.items()}


def test_false_alarms() -> None:
    found = count(pieces(found_texts(), SEED, most_each=40))
    made = count(made_texts(SEED, 12_000))
    print("\nkind | texts | taken for a loop | a moment found")
    for kind, (number, loops, moments) in [*found.items(), *made.items()]:
        print(f"{kind} | {number} | {loops} | {moments}")
    assert sum(loops for _, loops, _ in found.values()) <= sum(number for number, _, _ in found.values()) / 1000
    assert sum(loops for _, loops, _ in made.values()) == 0
