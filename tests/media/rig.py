"""One video and a pool of decoders, in which something can be made to happen at a read."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from consumer.errors import CodedError
from consumer.media.decoders import DecoderPool
from consumer.media.file_source import FileSource
from consumer.media.library import Media
from consumer.settings import Settings
from tests.media.conftest import sample
from tests.media.videos import numbers_in


class Watched(FileSource):
    """A file; `reading` is called before each read."""

    def __init__(self, path: Path) -> None:
        super().__init__(os.open(path, os.O_RDONLY))
        self.reading: Callable[[], None] = lambda: None

    def read_at(self, offset: int, length: int) -> bytes:
        self.reading()
        return super().read_at(offset, length)


class Rig:
    """One video, and a pool that has one decoder: the one that knows the video."""

    def __init__(self, path: Path, pool: DecoderPool) -> None:
        self.pool, self.source = pool, Watched(path)
        settings = Settings.model_validate({"decode_timeout_seconds": 30.0})
        self.media = Media(self.source, settings, pool, deadline=time.monotonic() + 60.0)

    @property
    def pid(self) -> int:
        (decoder,) = self.pool._cpu.idle
        return decoder.process.pid

    def decode_while(self, happens: Callable[[int], None]) -> CodedError:
        """Decode a chunk that is not in the decoder's cache; at its first read something happens to the decoder."""
        pid = self.pid

        def once() -> None:
            self.source.reading = lambda: None
            happens(pid)

        self.source.reading = once
        with pytest.raises(CodedError) as caught:
            sample(self.media, 15.0, 19.0)
        return caught.value

    def works_again(self) -> bool:
        return numbers_in(sample(self.media, 15.0, 19.0).pixels) == list(range(150, 190, 5))
