"""The chunk plan covers the asked span without holes, repeats what was asked, and leaves no crumbs."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import ErrorCode, PermanentError
from consumer.media.chunks import MAX_CHUNKS, Chunk, plan_chunks


def plan(
    duration: float, chunk: float = 60.0, overlap: float = 2.0, start: float = 0.0, end: float | None = None
) -> tuple[Chunk, ...]:
    return plan_chunks(duration=duration, chunk_duration=chunk, chunk_overlap=overlap, start_time=start, end_time=end)


def test_ten_minutes_are_eleven_chunks() -> None:
    chunks = plan(600.0)
    assert [chunk.start_time for chunk in chunks] == [58.0 * index for index in range(11)]
    assert [chunk.end_time for chunk in chunks] == [60.0 + 58.0 * index for index in range(10)] + [600.0]
    assert [chunk.index for chunk in chunks] == list(range(11))


def test_a_short_tail_is_merged_and_a_longer_one_is_not() -> None:
    assert [chunk.end_time for chunk in plan(60.0 + 14.4)] == [74.4]
    assert [chunk.end_time for chunk in plan(60.0 + 14.6)] == [60.0, 74.6]


def test_a_video_shorter_than_a_chunk_is_one_chunk() -> None:
    assert plan(0.04) == (Chunk(0, 0.0, 0.04),)
    assert plan(60.0) == (Chunk(0, 0.0, 60.0),)


def test_a_part_of_the_video() -> None:
    assert plan(600.0, start=100.0, end=150.0) == (Chunk(0, 100.0, 150.0),)
    assert plan(600.0, start=590.0, end=9999.0) == (Chunk(0, 590.0, 600.0),)


def test_times_are_free_of_rounding_dust() -> None:
    assert [chunk.start_time for chunk in plan(30.0, chunk=1.1, overlap=0.1)][:4] == [0.0, 1.0, 2.0, 3.0]
    assert len(plan(0.3 * 7, chunk=0.3, overlap=0.0)) == 7


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"duration": 10.0, "start": 10.0}, "start_time"),
        ({"duration": 10.0, "chunk": 5.0, "overlap": 5.0}, "chunk_overlap"),
        ({"duration": MAX_CHUNKS + 10.0, "chunk": 10.0, "overlap": 9.0}, "chunk_overlap"),
    ],
)
def test_what_cannot_be_planned_names_the_field(arguments: dict[str, float], says: str) -> None:
    with pytest.raises(PermanentError, match=says) as caught:
        plan(**arguments)
    assert caught.value.code is ErrorCode.EVENT_INVALID


@given(
    duration=st.floats(0.05, 100_000),
    chunk=st.floats(1, 3600),
    overlap_share=st.floats(0, 0.95),
    start_share=st.floats(0, 0.9),
    end=st.none() | st.floats(1, 100_000),
)
def test_no_holes_and_the_overlap_that_was_asked_for(
    duration: float, chunk: float, overlap_share: float, start_share: float, end: float | None
) -> None:
    start, overlap = duration * start_share, chunk * overlap_share
    stop = duration if end is None else min(end, duration)
    if stop - start < 0.001 or (stop - start) / (chunk - overlap) > 5000:
        return
    chunks = plan(duration, chunk, overlap, start, end)
    assert chunks[0].start_time == pytest.approx(start, abs=1e-6)
    assert chunks[-1].end_time == pytest.approx(stop, abs=1e-6)
    for before, after in itertools.pairwise(chunks):
        assert before.start_time < after.start_time
        assert before.end_time < after.end_time
        assert before.end_time - after.start_time == pytest.approx(overlap, abs=3e-6)
    for one in chunks[:-1]:
        assert one.end_time - one.start_time == pytest.approx(chunk, abs=3e-6)
    step = chunk - overlap
    assert chunks[-1].end_time - chunks[-1].start_time <= chunk + step / 4 + 1e-5
    if len(chunks) > 1:
        assert chunks[-1].end_time - chunks[-2].end_time >= step / 4 - 1e-5, "no crumbs"
