"""The reader between a source and FFmpeg: what it fetches, what it keeps, and how failures come out."""

from __future__ import annotations

import os

import pytest

from consumer.errors import CodedError, ErrorCode, TransientError
from consumer.media.container import unreadable
from consumer.media.reader import BLOCK, CACHED_BLOCKS, MAX_AHEAD, RangeReader
from consumer.media.source import Source, unreachable

SIZE = 100 * BLOCK + 7


class Counting(Source):
    """Zeros, and a list of what was asked for."""

    def __init__(self) -> None:
        super().__init__("zeros", SIZE)
        self.asked: list[tuple[int, int]] = []
        self.failing = False

    def read_at(self, offset: int, length: int) -> bytes:
        if self.failing:
            raise unreachable("The store is away.")
        self.asked.append((offset // BLOCK, length // BLOCK))
        return bytes(max(0, min(length, self.size - offset)))

    def close(self) -> None:
        pass


def test_reading_straight_on_asks_for_more_each_time() -> None:
    source = Counting()
    reader = RangeReader(source)
    while reader.read(100_000):
        pass
    lengths = [length for _, length in source.asked]
    assert lengths[:7] == [1, 2, 4, 8, 16, 32, 32]
    assert max(lengths) == MAX_AHEAD
    assert sum(lengths) * BLOCK >= SIZE


def test_jumping_about_asks_for_single_blocks_and_what_is_kept_is_not_asked_for_again() -> None:
    source = Counting()
    reader = RangeReader(source)
    for index in (50, 3, 90, 50, 3, 90):
        reader.seek(index * BLOCK)
        reader.read(10)
    assert source.asked == [(50, 1), (3, 1), (90, 1)]


def test_memory_is_bounded() -> None:
    reader = RangeReader(Counting())
    while reader.read(BLOCK):
        assert len(reader._blocks) <= CACHED_BLOCKS


def test_seeking() -> None:
    reader = RangeReader(Counting())
    assert reader.seek(10) == 10
    assert reader.seek(5, os.SEEK_CUR) == 15
    assert reader.seek(-7, os.SEEK_END) == 100 * BLOCK
    assert len(reader.read(100)) == 7
    assert reader.read(100) == b""
    assert reader.tell() == SIZE
    reader.check()


def test_a_failure_is_kept_and_ends_the_data() -> None:
    source = Counting()
    reader = RangeReader(source)
    reader.read(10)
    source.failing = True
    reader.seek(50 * BLOCK)
    assert reader.read(10) == b""
    source.failing = False
    assert reader.read(10) == b"", "FFmpeg must not go on as if nothing had been"
    with pytest.raises(TransientError, match="away"):
        reader.check()


def test_a_deadline() -> None:
    reader = RangeReader(Counting())
    reader.limit(0.0, unreadable("Too late."))
    assert reader.read(10) == b""
    with pytest.raises(CodedError, match="Too late") as caught:
        reader.check()
    assert caught.value.code is ErrorCode.MEDIA_UNREADABLE
