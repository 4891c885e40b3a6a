"""A library that may read the test's directory, and short ways to open and to decode."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consumer.media import library as library_module
from consumer.media.chunks import Chunk
from consumer.media.decoders import DecoderPool
from consumer.media.frames import plan_frames
from consumer.media.hosts import HostRules
from consumer.media.http_source import HttpStore
from consumer.media.library import Media, MediaLibrary, SampledFrames
from consumer.media.scratch import ScratchSpace
from consumer.settings import Settings
from tests.media.bad_client import LIMIT, QUOTA, Client
from tests.media.in_process import InProcess
from tests.media.videos import H264, make_video

Open = Callable[[Path], Media]


@pytest.fixture(scope="session")
def decoders() -> Iterator[DecoderPool]:
    """Two decoders for all tests: each takes a third of a second to start."""
    pool = DecoderPool(2)
    end, pool.close = pool.close, lambda: None  # type: ignore[method-assign]
    yield pool
    end()


@pytest.fixture(autouse=True)
def shared_decoders(decoders: DecoderPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_module, "DecoderPool", lambda **_: decoders)


@pytest.fixture
def in_process(shared_decoders: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoding is done in this process, where a test can watch it or put something in its way."""
    monkeypatch.setattr(library_module, "DecoderPool", lambda **_: InProcess())


@pytest.fixture
def library(tmp_path: Path) -> Iterator[MediaLibrary]:
    settings = Settings.model_validate({"allowed_paths": [str(tmp_path)], "max_video_seconds": 3000.0})
    library = MediaLibrary.from_settings(settings)
    yield library
    library.close()


@pytest.fixture
def open_path(library: MediaLibrary) -> Iterator[Open]:
    opened: list[Media] = []

    def open_it(path: Path) -> Media:
        opened.append(library.open(video_url=None, video_path=str(path)))
        return opened[-1]

    yield open_it
    for media in opened:
        media.close()


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Of bad servers: temporary files go into the (empty) directory, where it is seen if one is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    scratch = ScratchSpace(QUOTA)
    store = HttpStore(HostRules(["127.0.0.1"]), scratch, LIMIT)
    yield Client(store, scratch)
    store.close()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than a decoder keeps in memory, so that every chunk is read anew."""
    options = {**H264, "b": "12M", "minrate": "12M", "maxrate": "12M", "bufsize": "2M", "x264-params": "nal-hrd=cbr"}
    return make_video(tmp_path_factory.mktemp("video") / "video.mp4", frames=200, options=options)


def open_descriptors() -> set[Path]:
    """This process's open files; those of an earlier test's garbage are closed before, not between two of these."""
    gc.collect()
    return set(Path("/proc/self/fd").iterdir())


def sample(
    media: Media,
    start: float = 0.0,
    end: float | None = None,
    *,
    fps: float | None = 2.0,
    tokens: int = 100_000,
    keyframes_only: bool = False,
) -> SampledFrames:
    """Decode [start, end) of a video; to its end if `end` is None."""
    chunk = Chunk(0, start, media.info.duration if end is None else end)
    plan = plan_frames(
        chunk, media.info, fps=fps, max_frames=768, max_vision_tokens=tokens, keyframes_only=keyframes_only
    )
    return media.decode(plan)
