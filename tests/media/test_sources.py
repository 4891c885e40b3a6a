"""The contract of sources, for files and for web servers; S3 runs it on a real MinIO in the integration tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.media.file_source import open_file
from consumer.media.hosts import HostRules
from consumer.media.http_source import HttpStore
from consumer.media.scratch import ScratchSpace
from consumer.media.source import Source
from tests.media.source_contract import Shelf, SourceContract
from tests.media.web_server import WebFiles, serving


class FileShelf(Shelf):
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, name: str, data: bytes) -> None:
        # Written in place: a new file under the old name would leave an opened one untouched.
        (self._directory / name).write_bytes(data)

    def open(self, name: str, max_bytes: int = 2**40) -> Source:
        return open_file(str(self._directory / name), [str(self._directory)], max_bytes)


class WebShelf(Shelf):
    def __init__(self, web: WebFiles, store: HttpStore) -> None:
        self._web, self._store = web, store
        self.snapshot = not web.ranges

    def put(self, name: str, data: bytes) -> None:
        self._web.put(f"/{name}", data)

    def open(self, name: str, max_bytes: int = 2**40) -> Source:
        return self._store.open(f"{self._web.base}/{name}?signature=secret", max_bytes, time.monotonic() + 60)


@pytest.fixture
def http_store() -> Iterator[HttpStore]:
    store = HttpStore(HostRules(["127.0.0.1"]), ScratchSpace(2**30), 20.0)
    yield store
    store.close()


class TestFiles(SourceContract):
    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Shelf:
        return FileShelf(tmp_path)


class TestWebServerWithRanges(SourceContract):
    @pytest.fixture
    def shelf(self, http_store: HttpStore) -> Iterator[Shelf]:
        with serving() as web:
            yield WebShelf(web, http_store)


class TestWebServerWithoutRanges(SourceContract):
    @pytest.fixture
    def shelf(self, http_store: HttpStore) -> Iterator[Shelf]:
        with serving(ranges=False) as web:
            yield WebShelf(web, http_store)
