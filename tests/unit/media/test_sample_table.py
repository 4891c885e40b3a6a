"""A stretch of a track's tables says of each of its samples what the whole says."""

from __future__ import annotations

import itertools
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.media import sample_table
from consumer.media.boxes import StructureError
from consumer.media.sample_table import LARGEST_STEP, SampleTable
from tests.media.sample_lists import Sample, bodies, read_samples, written

LAST_STEP = 7


@st.composite
def tracks(draw: st.DrawFn) -> tuple[list[Sample], list[int]]:
    """Samples, and how many there are in each chunk."""
    chunks = draw(st.lists(st.integers(1, 6), min_size=1, max_size=12))
    steps = st.one_of(st.integers(0, 40), st.sampled_from([0, 512, LARGEST_STEP // 2, LARGEST_STEP]))
    far = draw(st.sampled_from([0, 0, 2**33]))
    samples: list[Sample] = []
    dts = 0
    for count in chunks:
        place = draw(st.integers(0, 2**20)) + far
        for _ in range(count):
            size = draw(st.integers(0, 5000))
            key = not samples or draw(st.integers(0, 3)) == 0
            samples.append(Sample(dts, draw(st.integers(0, 100)), size, place, key))
            place, dts = place + size, dts + draw(steps)
    return samples, chunks


@given(tracks(), st.booleans(), st.data())
def test_a_stretch_says_what_the_whole_says(
    track: tuple[list[Sample], list[int]], keys: bool, data: st.DataObject
) -> None:
    samples, chunks = track
    if not keys:
        samples = [replace(sample, key=True) for sample in samples]
    tables = bodies(written(samples, LAST_STEP, chunks, keys=keys))
    assert read_samples(tables) == (samples, LAST_STEP), "the test's own reader and writer agree"
    begin = data.draw(st.integers(-10, samples[-1].dts + 10))
    end = data.draw(st.integers(begin + 1, samples[-1].dts + 20))
    first = data.draw(st.integers(1, 5))
    table = SampleTable.parsed(tables)
    assert (len(table), table.span) == (len(samples), samples[-1].dts)
    try:
        made = table.stretch(begin, end, first)
    except StructureError:
        keys_at = [sample.dts for sample in samples if sample.key]
        assert max(after - before for before, after in itertools.pairwise(keys_at)) > LARGEST_STEP
        return
    numbers, said = made.numbers.tolist(), bodies(made.tables)
    found, last_step = read_samples(said)
    assert found == [samples[number] for number in numbers]
    assert made.dts.tolist() == [samples[number].dts for number in numbers]
    assert (b"stss" in said) == keys
    if numbers[-1] == len(samples) - 1:
        assert last_step == LAST_STEP
    window = numbers[made.place :]
    assert window == list(range(window[0], window[-1] + 1)), "nothing is missing from there on"
    assert numbers[: min(first, len(numbers))] == list(range(min(first, len(numbers))))
    opener = samples[window[0]]
    assert window[0] == 0 or (opener.key and opener.dts + opener.offset <= begin and made.place > 0)
    assert window[-1] == len(samples) - 1 or samples[window[-1]].dts > end
    assert all(after.dts - before.dts <= LARGEST_STEP for before, after in itertools.pairwise(found))


def film(count: int = 20_000) -> list[Sample]:
    """Key frames at every fiftieth, all of one size, one after the other."""
    return [Sample(40 * number, 80, 100, 1000 + 100 * number, number % 50 == 0) for number in range(count)]


def test_a_stretch_is_small() -> None:
    samples = film()
    table = SampleTable.parsed(bodies(written(samples, 40, [len(samples)])))
    made = table.stretch(40 * 5_000, 40 * 7_000, 64)
    assert 2_000 < len(made.numbers) < 2_200
    assert made.numbers[made.place] == 4_950
    kept = (table.steps, table.offsets, table.sizes, table.checkpoints, table.places, table.keys, table.starts)
    assert sum(one.nbytes for one in kept if one is not None) < 4 * len(samples)


def test_where_all_are_key_frames_a_stretch_begins_at_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_table, "MOST_STARTS", 100)
    samples = [replace(sample, key=True) for sample in film(1000)]
    table = SampleTable.parsed(bodies(written(samples, 40, [1000], keys=False)))
    assert len(table.starts) == 100
    made = table.stretch(40 * 555, 40 * 605, 8)
    assert (made.numbers[made.place], made.numbers[-1]) == (550, 610)


def put(tables: dict[bytes, bytes], name: bytes, place: int, number: int) -> None:
    body = bytearray(tables[name])
    struct.pack_into(">I", body, place, number)
    tables[name] = bytes(body)


@pytest.mark.parametrize(
    ("name", "place", "number"),
    [
        pytest.param(b"stts", 4, 2**32 - 1, id="more rows than there are"),
        pytest.param(b"stts", 4, 0, id="no rows"),
        pytest.param(b"stts", 8, 2, id="a step for more samples than there are"),
        pytest.param(b"stts", 8, 2**32 - 1, id="a step for four billion samples"),
        pytest.param(b"stts", 12, 2**31, id="a step that may be negative"),
        pytest.param(b"ctts", 12, 2**32 - 5, id="a negative offset"),
        pytest.param(b"ctts", 8, 0, id="an offset for no sample"),
        pytest.param(b"stsz", 4, 10, id="one size and many"),
        pytest.param(b"stsz", 8, 0, id="no samples"),
        pytest.param(b"stsz", 8, 2**32 - 1, id="four billion samples"),
        pytest.param(b"stsz", 12, 2**30, id="a huge sample"),
        pytest.param(b"stss", 8, 0, id="key frame 0"),
        pytest.param(b"stss", 8, 200, id="key frames in disorder"),
        pytest.param(b"stsc", 8, 2, id="the first chunk is not told"),
        pytest.param(b"stsc", 12, 5, id="more in a chunk than there are"),
        pytest.param(b"stsc", 12, 2**32 - 1, id="four billion in a chunk"),
        pytest.param(b"stsc", 16, 2, id="another kind of samples"),
    ],
)
def test_what_does_not_fit_together_is_refused(name: bytes, place: int, number: int) -> None:
    samples = film(100)
    tables = bodies(written(samples, 40, [1] * 100))
    assert len(SampleTable.parsed(tables)) == 100
    put(tables, name, place, number)
    with pytest.raises(StructureError):
        SampleTable.parsed(tables)


@pytest.mark.parametrize("name", [b"stts", b"stsz", b"stsc", b"stco"])
def test_a_table_that_is_missing(name: bytes) -> None:
    tables = bodies(written(film(10), 40, [10]))
    del tables[name]
    with pytest.raises(StructureError):
        SampleTable.parsed(tables)


def test_places_beyond_all_files() -> None:
    tables = bodies(written([replace(one, place=one.place + 2**33) for one in film(10)], 40, [10]))
    assert SampleTable.parsed(tables).places.tolist() == [2**33 + 1000]
    tables[b"co64"] = tables[b"co64"][:8] + b"\xff" * 8
    with pytest.raises(StructureError):
        SampleTable.parsed(tables)


def test_samples_of_one_size() -> None:
    tables = bodies(written(film(10), 40, [10]))
    tables[b"stsz"] = struct.pack(">3I", 0, 100, 10)
    assert np.array_equal(SampleTable.parsed(tables).sizes, [100] * 10)
