"""docs/answers.md says what the code does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from consumer.inference.asking import OUTPUT_FAILURES
from consumer.inference.budget import MIN_PAIR_TOKENS
from consumer.inference.engine import EngineLimits
from consumer.inference.repetition import LONGEST_UNIT, MIN_CHARACTERS, MIN_TIMES
from consumer.inference.stamps import PAIR_OVERHEAD, StampCosts
from consumer.inference.told_times import TOLERANCE_SECONDS, times_warning, told_times
from consumer.media.frames import GOOD_CELLS, LEAST_CELLS, MIN_FRAMES
from tests.unit.job.fakes import INFO, Bench

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "answers.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize(
    "said",
    [
        f"down to {GOOD_CELLS} tokens a pair of frames",
        f"down to {MIN_FRAMES};",
        f"down to {LEAST_CELLS} tokens a pair (64x64)",
        f"12 tokens a pair; then a chunk {'may'}",
        f"of up to {LONGEST_UNIT} characters, at least {MIN_TIMES} times over at least {MIN_CHARACTERS} characters",
        f"more than {TOLERANCE_SECONDS:g} s outside the chunk",
        *(f"(`{code.value}`)" for code in sorted(OUTPUT_FAILURES)),
    ],
)
def test_its_numbers_are_those_of_the_code(said: str) -> None:
    assert said in PAGE
    assert (MIN_PAIR_TOKENS, PAIR_OVERHEAD) == (LEAST_CELLS, 12)
    assert StampCosts(7).at_most(2, 9.9) == 5 + 1 + 2


def test_its_examples_of_times() -> None:
    for text in (
        "[12.3s]",
        "<12.3 seconds>",
        "[01:15]",
        "00:05 - 00:10: he",
        "12.3 s: he",
        '{"endSec": 3}',
        '{"t": 1}',
    ):
        assert told_times(text), text
    for text in ("For 5 seconds", "after 12 s", "the clock on the wall shows 12:45"):
        assert not told_times(text), text
    told = "\n".join([*(f"[{second}.0s] a car" for second in range(60, 68)), "[203.0s] a bus"])
    warning = times_warning(told, start=58.0, end=118.0, prompt="What?")
    assert f"`{warning}`" in PAGE


async def test_its_example_of_a_reduction() -> None:
    bench = Bench(info=replace(INFO, width=1920, height=1080), limits=EngineLimits(8192, 8192))
    await bench.run()
    assert json.dumps(bench.emitted[0].degraded) in PAGE
