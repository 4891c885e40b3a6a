"""docs/guarantee.md names what exists, leaves no mutation out, and promises what the README promises."""

from __future__ import annotations

import re
from pathlib import Path

from tests.chaos.mutations import MUTATIONS
from tests.chaos.report import PART

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantee.md").read_text(encoding="utf-8")


def test_every_mutation_is_explained() -> None:
    named = set(re.findall(r"^\|.*\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert named == MUTATIONS.keys()


def test_every_test_that_it_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+(?:\.py)?)(?:::(\w+))?`", PAGE)
    assert len(named) > 5
    for path, test in named:
        assert (ROOT / path).exists(), path
        assert not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), test


def test_the_promise_is_the_readme_s() -> None:
    promise = _plain(PAGE.split("## The promise", 1)[1].split("\n\n", 2)[1].replace("> ", ""))
    assert promise in _plain((ROOT / "README.md").read_text(encoding="utf-8"))


def test_there_is_a_place_for_the_figures() -> None:
    assert len(PART.findall(PAGE)) == 1


def _plain(text: str) -> str:
    return " ".join(text.split())
