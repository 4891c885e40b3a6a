"""Web servers that redirect, refuse, hang, lie or change; and what is never told to them or about them."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from consumer.errors import CodedError, ErrorCode
from consumer.media import hosts
from consumer.media.hosts import HostRules
from consumer.media.http_source import HttpStore
from consumer.media.scratch import ScratchSpace
from consumer.media.source import Source
from tests.media.web_server import WebFiles, no_address, serving

DATA = bytes(range(256)) * 400


@pytest.fixture
def web() -> Iterator[WebFiles]:
    with serving() as web:
        web.put("/video.mp4", DATA)
        yield web


def store(*allowed: str, timeout: float = 10.0, quota: int = 2**20) -> HttpStore:
    return HttpStore(HostRules(allowed or ["127.0.0.1"]), ScratchSpace(quota), timeout)


def opened(made: HttpStore, url: str, seconds: float = 10.0) -> Source:
    return made.open(url, 2**30, time.monotonic() + seconds)


def failure(made: HttpStore, url: str, seconds: float = 10.0) -> CodedError:
    with pytest.raises(CodedError) as caught:
        opened(made, url, seconds)
    message = caught.value.message
    assert "video_url" in message
    assert "secret" not in message
    assert "\n" not in message
    return caught.value


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, ErrorCode.SOURCE_NOT_FOUND),
        (410, ErrorCode.SOURCE_NOT_FOUND),
        (401, ErrorCode.SOURCE_FORBIDDEN),
        (403, ErrorCode.SOURCE_FORBIDDEN),
        (400, ErrorCode.SOURCE_FORBIDDEN),
        (429, ErrorCode.SOURCE_UNREACHABLE),
        (500, ErrorCode.SOURCE_UNREACHABLE),
        (503, ErrorCode.SOURCE_UNREACHABLE),
    ],
)
def test_statuses(web: WebFiles, status: int, code: ErrorCode) -> None:
    web.answers["/video.mp4"] = (status, {})
    assert failure(store(), f"{web.base}/video.mp4?X-Signature=secret").code is code


def test_nobody_there(web: WebFiles) -> None:
    assert failure(store(), "http://127.0.0.1:1/video.mp4?secret").code is ErrorCode.SOURCE_UNREACHABLE


@pytest.mark.parametrize("allowed", ["vidoes.example.com", "*.example.com"])
def test_a_name_without_an_address(allowed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", no_address)
    error = failure(store(allowed), "http://vidoes.example.com/video.mp4?secret")
    assert error.code is ErrorCode.SOURCE_UNREACHABLE
    assert error.message == "The host that video_url names cannot be resolved: check how it is spelt."


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/video.mp4",
        "http://user:secret@internal/video.mp4",
        "http:///video.mp4",
        "http://[::1/video.mp4",
        "http://127.0.0.1.example.com/",
        "http://127.0.0.1@evil.example.com/secret",
        "http://2130706433/",
    ],
)
def test_hosts_that_are_not_listed(url: str) -> None:
    error = failure(store(), url)
    assert error.code is ErrorCode.SOURCE_REFUSED
    assert "ALLOWED_HOSTS" in error.message


def test_redirects_are_followed_and_checked(web: WebFiles) -> None:
    web.answers["/here"] = (302, {"Location": "/video.mp4?token=secret"})
    source = opened(store(), f"{web.base}/here")
    assert source.read_at(1000, 10) == DATA[1000:1010]
    web.answers["/out"] = (307, {"Location": "http://169.254.169.254/latest/secret"})
    assert failure(store(), f"{web.base}/out").code is ErrorCode.SOURCE_REFUSED
    web.answers["/file"] = (301, {"Location": "file:///etc/secret"})
    assert failure(store(), f"{web.base}/file").code is ErrorCode.SOURCE_REFUSED
    web.answers["/round"] = (302, {"Location": "/round"})
    assert failure(store(), f"{web.base}/round").code is ErrorCode.SOURCE_REFUSED


def test_a_pattern_connects_to_the_checked_address(web: WebFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    made = HttpStore(HostRules(["*.videos.test"], resolve), ScratchSpace(2**20), 10.0)
    url = f"http://a.videos.test:{web.port}/video.mp4"
    assert failure(made, url).code is ErrorCode.SOURCE_REFUSED, "it is this machine"
    assert web.requests == []
    monkeypatch.setattr(hosts, "_is_public", lambda address: True)
    assert opened(made, url).read_at(5, 5) == DATA[5:10]
    assert asked == ["a.videos.test"] * 3, "checked anew for every request"
    assert {headers["host"] for _, headers in web.requests} == {f"a.videos.test:{web.port}"}


def test_no_cookies_and_no_compression(web: WebFiles) -> None:
    opened(store(), f"{web.base}/video.mp4").read_at(0, 100)
    assert len(web.requests) == 2
    for _, headers in web.requests:
        assert "cookie" not in headers
        assert headers["accept-encoding"] == "identity"


def test_credentials_in_the_address_go_to_its_host_alone(web: WebFiles) -> None:
    web.answers["/here"] = (302, {"Location": f"http://127.0.0.1:{web.port}/video.mp4"})
    address = web.base.replace("//", "//me:secret@")
    opened(store(), f"{address}/here").read_at(0, 10)
    assert [headers.get("authorization") for _, headers in web.requests] == ["Basic bWU6c2VjcmV0", None, None]


def test_a_server_that_hangs_is_left_in_time(web: WebFiles) -> None:
    web.hanging.add("/video.mp4")
    begun = time.monotonic()
    assert failure(store(timeout=0.2), f"{web.base}/video.mp4").code is ErrorCode.SOURCE_UNREACHABLE
    assert time.monotonic() - begun < 2


def test_an_answer_that_ends_early_is_tried_again_later(web: WebFiles) -> None:
    source = opened(store(), f"{web.base}/video.mp4")
    web.cut_after = 10
    with pytest.raises(CodedError) as caught:
        source.read_at(0, 1000)
    assert caught.value.code is ErrorCode.SOURCE_UNREACHABLE


def test_a_server_that_stops_handing_out_ranges_or_the_file(web: WebFiles) -> None:
    source = opened(store(), f"{web.base}/video.mp4")
    web.ranges = False
    with pytest.raises(CodedError) as caught:
        source.read_at(0, 1000)
    assert caught.value.code is ErrorCode.SOURCE_CHANGED
    web.answers["/video.mp4"] = (403, {})
    with pytest.raises(CodedError) as caught:
        source.read_at(0, 1000)
    assert caught.value.code is ErrorCode.SOURCE_FORBIDDEN


def test_downloads_share_a_quota() -> None:
    with serving(ranges=False) as web:
        web.put("/video.mp4", DATA)
        made = HttpStore(HostRules(["127.0.0.1"]), ScratchSpace(len(DATA) + 10), 10.0)
        first = opened(made, f"{web.base}/video.mp4")
        other = failure_of_download(made, web)
        assert other.code is ErrorCode.SOURCE_UNREACHABLE
        first.close()
        again = opened(made, f"{web.base}/video.mp4")
        assert again.read_at(3, 3) == DATA[3:6]
        again.close()
        web.put("/video.mp4", DATA * 2)
        assert failure(made, f"{web.base}/video.mp4").code is ErrorCode.SOURCE_TOO_LARGE
        assert made._scratch.used == 0


def failure_of_download(made: HttpStore, web: WebFiles) -> CodedError:
    with pytest.raises(CodedError, match="MAX_SCRATCH_BYTES") as caught:
        opened(made, f"{web.base}/video.mp4")
    return caught.value
