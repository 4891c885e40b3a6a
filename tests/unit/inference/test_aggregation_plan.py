"""Levels of merging always come to an end, and nothing is lost or put twice on the way."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.inference.aggregation_plan import CUT_MARKER, answer_tokens, cut_text, largest_text, plan_groups

CAPACITY = st.integers(2, 5000)


@given(capacity=CAPACITY, data=st.data())
def test_groups_fit_and_cover_all_in_order(capacity: int, data: st.DataObject) -> None:
    costs = data.draw(st.lists(st.integers(1, capacity // 2), min_size=1, max_size=60))
    groups = plan_groups(costs, capacity)
    assert [index for group in groups for index in group] == list(range(len(costs)))
    assert all(sum(costs[index] for index in group) <= capacity for group in groups)
    assert len(groups) <= -(-len(costs) // 2)


@given(capacity=CAPACITY, data=st.data())
def test_neighbouring_groups_could_not_be_one(capacity: int, data: st.DataObject) -> None:
    costs = data.draw(st.lists(st.integers(1, capacity // 2), min_size=1, max_size=60))
    groups = plan_groups(costs, capacity)
    for one, other in pairwise(groups):
        assert sum(costs[index] for index in one) + costs[other.start] > capacity


def test_examples() -> None:
    assert plan_groups([4, 4, 4], 8) == [range(2), range(2, 3)]
    assert plan_groups([8], 8) == [range(1)]
    assert (largest_text(100, 1), largest_text(100, 2), largest_text(101, 9)) == (100, 50, 50)


@given(text=st.text(max_size=300), limit=st.integers(len(CUT_MARKER), 400))
def test_the_longest_beginning_that_fits(text: str, limit: int) -> None:
    cut = cut_text(text, lambda one: len(one) <= limit)
    assert cut == text[: limit - len(CUT_MARKER)] + CUT_MARKER
    assert len(cut) <= limit


@pytest.mark.parametrize(
    ("wanted", "chunk_tokens", "max_model_len", "tokens"),
    [
        (None, 512, 131_072, 2048),
        (None, 512, 4096, 1024),
        (None, 512, 1024, 512),
        (None, 4096, 131_072, 4096),
        (300, 512, 131_072, 300),
    ],
)
def test_tokens_of_an_answer(wanted: int | None, chunk_tokens: int, max_model_len: int, tokens: int) -> None:
    assert answer_tokens(wanted, chunk_tokens=chunk_tokens, max_model_len=max_model_len) == tokens
