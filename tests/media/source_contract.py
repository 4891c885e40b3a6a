"""What every kind of source must do; run for files, web servers with and without ranges, and S3."""

from __future__ import annotations

import abc
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from consumer.errors import ErrorCode, PermanentError
from consumer.media.reader import BLOCK, RangeReader
from consumer.media.source import Source

DATA = random.Random(7).randbytes(3 * BLOCK + 1234)


class Shelf(abc.ABC):
    """Puts bytes where a kind of source finds them.

    Args:
        snapshot: whether an opened source goes on handing out what it was opened on after it was replaced.
    """

    snapshot = False

    @abc.abstractmethod
    def put(self, name: str, data: bytes) -> None:
        """Store it, in place of what was there."""

    @abc.abstractmethod
    def open(self, name: str, max_bytes: int = 2**40) -> Source:
        """Open it as a job would."""


class SourceContract:
    """Subclasses have a fixture `shelf`."""

    def test_any_range_can_be_read(self, shelf: Shelf) -> None:
        shelf.put("video.bin", DATA)
        source = shelf.open("video.bin")
        assert source.size == len(DATA)
        draw = random.Random(3)
        for _ in range(20):
            offset, length = draw.randrange(len(DATA)), draw.randrange(1, 300_000)
            assert source.read_at(offset, length) == DATA[offset : offset + length]
        assert source.read_at(len(DATA) - 1, 10) == DATA[-1:]
        assert source.read_at(len(DATA), 10) == b""
        source.close()

    def test_the_reader_gives_the_whole(self, shelf: Shelf) -> None:
        shelf.put("video.bin", DATA)
        source = shelf.open("video.bin")
        reader = RangeReader(source)
        assert b"".join(iter(lambda: reader.read(50_000), b"")) == DATA
        assert reader.failure is None
        assert source.bytes_read >= len(DATA)
        assert source.bytes_read < 2 * len(DATA)
        source.close()

    def test_several_threads_read_at_once(self, shelf: Shelf) -> None:
        shelf.put("video.bin", DATA)
        source = shelf.open("video.bin")
        places = [(k * 40_000, 60_000) for k in range(20)]
        with ThreadPoolExecutor(6) as pool:
            read = list(pool.map(lambda place: source.read_at(*place), places))
        assert read == [DATA[offset : offset + length] for offset, length in places]
        source.close()

    def test_the_identity_stands_for_the_bytes(self, shelf: Shelf) -> None:
        shelf.put("video.bin", DATA)
        first, again = shelf.open("video.bin"), shelf.open("video.bin")
        assert first.identity == again.identity
        shelf.put("video.bin", DATA[::-1])
        other = shelf.open("video.bin")
        assert other.identity != first.identity
        for source in (first, again, other):
            source.close()

    def test_a_change_while_reading_is_noticed(self, shelf: Shelf) -> None:
        shelf.put("video.bin", DATA)
        source = shelf.open("video.bin")
        assert source.read_at(0, 1000) == DATA[:1000]
        shelf.put("video.bin", DATA[::-1])
        if shelf.snapshot:
            assert source.read_at(1000, 1000) == DATA[1000:2000]
        else:
            with pytest.raises(PermanentError) as caught:
                source.read_at(1000, 1000)
            assert caught.value.code is ErrorCode.SOURCE_CHANGED
        source.close()

    def test_an_empty_file(self, shelf: Shelf) -> None:
        shelf.put("empty.bin", b"")
        source = shelf.open("empty.bin")
        assert source.size == 0
        assert source.read_at(0, 100) == b""
        source.close()

    def test_what_is_not_there(self, shelf: Shelf) -> None:
        with pytest.raises(PermanentError) as caught:
            shelf.open("nothing.bin")
        assert caught.value.code is ErrorCode.SOURCE_NOT_FOUND
        assert "video_" in caught.value.message

    def test_larger_than_allowed(self, shelf: Shelf) -> None:
        shelf.put("video.bin", DATA)
        with pytest.raises(PermanentError, match="MAX_SOURCE_BYTES") as caught:
            shelf.open("video.bin", len(DATA) - 1)
        assert caught.value.code is ErrorCode.SOURCE_TOO_LARGE
        shelf.open("video.bin", len(DATA)).close()
