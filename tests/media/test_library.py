"""From an address to frames, and how a source that fails on the way comes out."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from consumer.errors import CodedError, ConfigurationError, ErrorCode, PermanentError, TransientError
from consumer.media import library as library_module
from consumer.media.library import MediaLibrary, decoder_count
from consumer.settings import Settings
from tests.media.conftest import open_descriptors, sample
from tests.media.videos import H264, make_video, numbers_in
from tests.media.web_server import WebFiles, serving


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Some megabytes, so that no decode reads all of it at once."""
    options = {**H264, "b": "6M", "minrate": "6M", "maxrate": "6M", "bufsize": "1M", "x264-params": "nal-hrd=cbr"}
    path = tmp_path_factory.mktemp("video") / "video.mp4"
    return make_video(path, frames=200, options=options, container_options={"movflags": "faststart"}).read_bytes()


@pytest.fixture
def web(video: bytes) -> Iterator[WebFiles]:
    with serving() as web:
        web.put("/video.mp4", video)
        yield web


def library(**values: Any) -> MediaLibrary:
    settings = {"allowed_hosts": ["127.0.0.1"], "s3_endpoint": "127.0.0.1:1", "fetch_timeout_seconds": 1.0}
    return MediaLibrary.from_settings(Settings.model_validate({**settings, **values}))


def test_a_video_on_a_web_server(web: WebFiles, video: bytes) -> None:
    with library().open(video_url=f"{web.base}/video.mp4", video_path=None) as media:
        assert media.info.size_bytes == len(video)
        assert media.identity == f'etag:"v1":{len(video)}'
        assert media.bytes_read < 4 * 2**20, "to know what it is takes a little of it"
        before = media.bytes_read
        found = sample(media, 10.0, 14.0)
        assert numbers_in(found.pixels) == list(range(100, 140, 5))
        assert found.fetch_seconds > 0
        assert media.bytes_read - before < len(video) * 3 // 5


def test_a_server_without_ranges_is_read_once(video: bytes) -> None:
    with serving(ranges=False) as web:
        web.put("/video.mp4", video)
        with library().open(video_url=f"{web.base}/video.mp4", video_path=None) as media:
            assert numbers_in(sample(media, 16.0, 20.0).pixels) == list(range(160, 200, 5))
            assert media.bytes_read == len(video)
        assert len(web.requests) == 1


def test_a_store_that_goes_away_and_comes_back(web: WebFiles, video: bytes) -> None:
    with library().open(video_url=f"{web.base}/video.mp4", video_path=None) as media:
        web.answers["/video.mp4"] = (503, {})
        with pytest.raises(TransientError) as caught:
            sample(media, 10.0, 14.0)
        assert caught.value.code is ErrorCode.SOURCE_UNREACHABLE
        del web.answers["/video.mp4"]
        assert numbers_in(sample(media, 10.0, 14.0).pixels) == list(range(100, 140, 5))


def test_a_file_that_is_replaced_while_the_job_runs(web: WebFiles, video: bytes) -> None:
    with library().open(video_url=f"{web.base}/video.mp4", video_path=None) as media:
        web.put("/video.mp4", video)
        with pytest.raises(PermanentError) as caught:
            sample(media, 10.0, 14.0)
        assert caught.value.code is ErrorCode.SOURCE_CHANGED


def test_opening_has_a_time_limit(web: WebFiles) -> None:
    web.hanging.add("/slow.mp4")
    begun = time.monotonic()
    with pytest.raises(TransientError) as caught:
        library(fetch_timeout_seconds=0.2).open(video_url=f"{web.base}/slow.mp4", video_path=None)
    assert caught.value.code is ErrorCode.SOURCE_UNREACHABLE
    with pytest.raises(TransientError, match="PROBE_TIMEOUT_SECONDS"):
        library(probe_timeout_seconds=1e-6).open(video_url=f"{web.base}/video.mp4", video_path=None)
    assert time.monotonic() - begun < 5


def test_decoding_has_a_time_limit(web: WebFiles) -> None:
    made = library(decode_timeout_seconds=1e-6)
    with made.open(video_url=f"{web.base}/video.mp4", video_path=None) as media:
        with pytest.raises(PermanentError, match="DECODE_TIMEOUT_SECONDS") as caught:
            sample(media)
        assert caught.value.code is ErrorCode.MEDIA_UNREADABLE


def test_threads_share_nothing_but_the_source(web: WebFiles) -> None:
    with library().open(video_url=f"{web.base}/video.mp4", video_path=None) as media:
        alone = sample(media, 4.0, 8.0)
        results: list[np.ndarray[Any, Any]] = []
        threads = [threading.Thread(target=lambda: results.append(sample(media, 4.0, 8.0).pixels)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == 4
        assert all(np.array_equal(alone.pixels, one) for one in results)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ({"video_url": "ftp://127.0.0.1/video.mp4"}, ErrorCode.SOURCE_REFUSED),
        ({"video_url": "file:///etc/passwd"}, ErrorCode.SOURCE_REFUSED),
        ({"video_url": "/etc/passwd"}, ErrorCode.SOURCE_REFUSED),
        ({"video_url": "concat:a|b"}, ErrorCode.SOURCE_REFUSED),
        ({"video_url": "s3://bucket/video.mp4"}, ErrorCode.SOURCE_UNREACHABLE),
        ({"video_path": "/etc/passwd"}, ErrorCode.SOURCE_REFUSED),
        ({}, ErrorCode.EVENT_INVALID),
    ],
)
def test_addresses_that_lead_nowhere(address: dict[str, str], code: ErrorCode) -> None:
    with pytest.raises(CodedError) as caught:
        library().open(video_url=address.get("video_url"), video_path=address.get("video_path"))
    assert caught.value.code is code


def test_an_unreadable_file_leaves_nothing_open(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no video")
    made = library(allowed_paths=[str(tmp_path)])
    with pytest.raises(PermanentError):
        # There is a decoder from now on.
        made.open(video_url=None, video_path=str(path))
    before = open_descriptors()
    for _ in range(20):
        with pytest.raises(PermanentError):
            made.open(video_url=None, video_path=str(path))
    assert open_descriptors() <= before


def test_a_card_that_is_asked_for_and_not_there_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_module, "NVIDIA_DEVICE", "/dev/no-such-card")
    with pytest.raises(ConfigurationError, match="DECODER_DEVICE"):
        library(decoder_device="cuda")
    assert decoder_count(Settings(decoder_device="auto")) == len(os.sched_getaffinity(0))
