"""A source as the seekable file that FFmpeg reads from: small bounded cache, growing read-ahead, time limit."""

from __future__ import annotations

import os
import time
from collections import OrderedDict

from consumer.errors import CodedError
from consumer.media.source import Source

BLOCK = 128 * 1024
CACHED_BLOCKS = 96
MAX_AHEAD = 32
"""Blocks a request at most; one request of 4 MiB keeps even a distant store busy."""


class RangeReader:
    """One position in a source, for one thread at a time.

    FFmpeg takes a failing read for damage or for the end of the file and may try to go on. So a failure is kept, every
    read after it returns nothing, and `check` raises it: to be called after every FFmpeg call that did not do what was
    hoped for.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.size = source.size
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._next_block, self._ahead = -1, 1
        self._deadline: float = float("inf")
        self._late: CodedError | None = None
        self.failure: CodedError | None = None

    def limit(self, deadline: float, late: CodedError) -> None:
        """From now on fail with `late` once the monotonic clock has passed `deadline`."""
        self._deadline, self._late = deadline, late

    def check(self) -> None:
        """Raise the failure that FFmpeg was not told of.

        Raises:
            CodedError: as the source said, or that the time limit has passed.
        """
        if self.failure is None and time.monotonic() > self._deadline:
            self.failure = self._late
        if self.failure is not None:
            raise self.failure

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; nothing at the end and after a failure."""
        try:
            self.check()
            data = self._from_block(self._position // BLOCK, self._position % BLOCK, size)
        except CodedError as error:
            self.failure = error
            return b""
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def seekable(self) -> bool:
        return True

    def _from_block(self, index: int, begin: int, size: int) -> bytes:
        block = self._blocks.get(index)
        if block is None:
            block = self._fetch(index)
        self._blocks.move_to_end(index)
        return block[begin : begin + size]

    def _fetch(self, index: int) -> bytes:
        """Fetch a block, and more with it while the reads go straight on."""
        self._ahead = min(MAX_AHEAD, self._ahead * 2) if index == self._next_block else 1
        data = self._source.read_at(index * BLOCK, self._ahead * BLOCK)
        self._next_block = index + self._ahead
        for number in range(self._ahead):
            self._blocks[index + number] = data[number * BLOCK : (number + 1) * BLOCK]
            self._blocks.move_to_end(index + number)
        while len(self._blocks) > CACHED_BLOCKS:
            self._blocks.popitem(last=False)
        return self._blocks[index]
