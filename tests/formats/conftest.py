"""A media room whose decoder runs in the test's process, and the films."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consumer.media.hosts import HostRules
from consumer.media.http_source import HttpStore
from consumer.media.library import Media, MediaLibrary
from consumer.media.s3_source import S3Store
from consumer.media.scratch import ScratchSpace
from consumer.settings import Settings
from tests.formats.declared import CODECS
from tests.formats.film import Film, encode
from tests.media.conftest import Open
from tests.media.in_process import InProcess


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "says(file, does): a row of the table of properties in docs/media.md")


@pytest.fixture
def open_path(tmp_path: Path) -> Iterator[Open]:
    settings = Settings.model_validate({"allowed_paths": [str(tmp_path)]})
    http = HttpStore(HostRules(()), ScratchSpace(settings.max_scratch_bytes), settings.fetch_timeout_seconds)
    library = MediaLibrary(settings, S3Store(settings), http, InProcess())
    opened: list[Media] = []

    def open_it(path: Path) -> Media:
        opened.append(library.open(video_url=None, video_path=str(path)))
        return opened[-1]

    yield open_it
    for media in opened:
        media.close()
    library.close()


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Film]:
    """The film in a codec, encoded once."""
    return functools.cache(lambda codec: encode(CODECS[codec], tmp_path_factory.mktemp(codec)))


@pytest.fixture
def film(request: pytest.FixtureRequest, films: Callable[[str], Film]) -> Film:
    """The film in the codec that the test names."""
    return films(request.param)


@pytest.fixture
def h264(films: Callable[[str], Film]) -> Path:
    """The film as a file for tests that do not care about the codec: H.264 with B-frames in Matroska."""
    return films("h264").path


@pytest.fixture
def vp9(films: Callable[[str], Film]) -> Path:
    """The film for WebM."""
    return films("vp9").path
