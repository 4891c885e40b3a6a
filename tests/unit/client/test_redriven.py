"""What was sent again, as an offset and its metadata."""

from __future__ import annotations

import base64
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.client import redriven as module
from consumer.client.redrive import Batch
from consumer.client.redriven import MAX_CHARACTERS, Redriven, TooScatteredError, decode, encode
from tests.unit.client.letters import letter

SETS = st.builds(
    lambda first, later: Redriven(first, frozenset(first + one for one in later)),
    st.integers(0, 2**60),
    st.frozensets(st.integers(0, 3_000), max_size=200),
)


@given(SETS)
def test_it_is_remembered_as_it_was(redriven: Redriven) -> None:
    text = encode(redriven)
    assert text.isascii()
    assert len(text) <= MAX_CHARACTERS
    # confluent-kafka hands the NUL out that it sent along.
    assert decode(redriven.first, text + "\0") == redriven


@given(st.integers(0, 99), st.text() | st.just("1:7:AAAA") | st.just(f"1:7:{base64.b64encode(b'x').decode()}"))
def test_what_is_not_ours_says_only_what_the_offset_says(offset: int, text: str) -> None:
    assert decode(offset, text) == Redriven(offset)


def test_another_offset_than_its_own_means_that_a_tool_moved_it() -> None:
    assert decode(5, encode(Redriven(3, frozenset([7])))) == Redriven(5)


def test_what_is_unpacked_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BITMAP_BYTES", 1_000)
    bomb = base64.b64encode(zlib.compress(b"\xff" * 100_000)).decode()
    assert len(decode(0, f"1:0:{bomb}").later) == 8_000


def test_thousands_fit_and_more_than_fit_are_refused() -> None:
    choose = random.Random(1)
    assert encode(Redriven(0, frozenset(choose.sample(range(20_000), 10_000))))
    with pytest.raises(TooScatteredError):
        encode(Redriven(0, frozenset(choose.sample(range(100_000), 50_000))))
    with pytest.raises(TooScatteredError):
        encode(Redriven(0, frozenset([10**12])))


@given(st.data())
def test_in_however_many_batches_exactly_what_was_meant_is_in(data: st.DataObject) -> None:
    """Offsets between the records belong to transactions' ends; each call chooses among what is left."""
    there = sorted(data.draw(st.sets(st.integers(0, 60), max_size=30)))
    end = 61
    known, sent = Redriven(), set[int]()
    for _ in range(3):
        chosen = data.draw(st.sets(st.sampled_from(there))) if there else set()
        batch = Batch(0, known)
        for offset in (one for one in there if one >= known.first and one not in known):
            if offset not in chosen:
                batch.passed_over(letter(offset=offset))
                continue
            if len(batch.letters) == 2:
                batch.sent(batch.after(offset))
            batch.add(letter(offset=offset))
            assert offset not in sent, "sent twice"
            sent.add(offset)
        if batch.letters:
            batch.sent(batch.after(end))
        known = decode(batch.known.first, encode(batch.known))
        assert {offset for offset in there if offset in known} == sent
