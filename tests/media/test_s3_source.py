"""The S3 store's edges that need no real store: addresses, and stand-ins that are away, hang or send elsewhere."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from consumer.errors import CodedError, ConfigurationError, ErrorCode
from consumer.media.s3_source import ObjectAddress, S3Store, parse_object_address
from consumer.settings import Settings
from tests.media.bad_server import Asked, Behaviour, bad_server
from tests.media.web_server import WebFiles, no_address, serving

KEYS = {"s3_access_key": "someone", "s3_secret_key": "very-secret", "s3_region": "us-east-1", "s3_secure": False}


@pytest.fixture
def web() -> Iterator[WebFiles]:
    with serving() as web:
        yield web


def store(endpoint: str, **more: object) -> S3Store:
    values = {"s3_endpoint": endpoint, "fetch_timeout_seconds": 0.3, **KEYS, **more}
    return S3Store(Settings.model_validate(values))


def failure(made: S3Store, url: str = "s3://bucket/video.mp4") -> CodedError:
    begun = time.monotonic()
    with pytest.raises(CodedError) as caught:
        made.open(url, 2**30)
    assert time.monotonic() - begun < 3, "the client's own retries are off"
    assert "secret" not in caught.value.message
    assert "\n" not in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("s3://bucket/video.mp4", ObjectAddress("bucket", "video.mp4", None)),
        ("s3://bucket/a/b c%20d#e?f.mp4", ObjectAddress("bucket", "a/b c%20d#e?f.mp4", None)),
        ("s3://bucket/video.mp4?versionId=abc", ObjectAddress("bucket", "video.mp4", "abc")),
    ],
)
def test_addresses(url: str, address: ObjectAddress) -> None:
    assert parse_object_address(url) == address


@pytest.mark.parametrize("url", ["s3://", "s3://bucket", "s3://bucket/", "s3:///key", "s3://BAD_/../x", "s3://b.-c/k"])
def test_addresses_of_nothing(web: WebFiles, url: str) -> None:
    assert failure(store(f"127.0.0.1:{web.port}"), url).code is ErrorCode.SOURCE_NOT_FOUND
    assert web.requests == []


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (503, ErrorCode.SOURCE_UNREACHABLE),
        (500, ErrorCode.SOURCE_UNREACHABLE),
        (403, ErrorCode.SOURCE_FORBIDDEN),
        (404, ErrorCode.SOURCE_NOT_FOUND),
    ],
)
def test_statuses(web: WebFiles, status: int, code: ErrorCode) -> None:
    web.answers["/bucket/video.mp4"] = (status, {})
    assert failure(store(f"127.0.0.1:{web.port}")).code is code
    assert len(web.requests) == 1, "asked once"


def test_nobody_there() -> None:
    error = failure(store("127.0.0.1:1"))
    assert error.code is ErrorCode.SOURCE_UNREACHABLE
    assert "S3_ENDPOINT" in error.message


def test_a_name_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", no_address)
    error = failure(store("minoi.example.com:9000"))
    assert error.code is ErrorCode.SOURCE_UNREACHABLE
    assert error.message == "The host that S3_ENDPOINT names cannot be resolved: check how it is spelt."


def test_a_store_that_hangs(web: WebFiles) -> None:
    web.hanging.add("/bucket/video.mp4")
    assert failure(store(f"127.0.0.1:{web.port}")).code is ErrorCode.SOURCE_UNREACHABLE


def test_a_store_that_sends_elsewhere_is_not_followed(web: WebFiles) -> None:
    web.answers["/bucket/video.mp4"] = (307, {"Location": f"{web.base}/other"})
    assert failure(store(f"127.0.0.1:{web.port}")).code is ErrorCode.SOURCE_REFUSED
    assert [path for path, _ in web.requests] == ["/bucket/video.mp4"]


def test_https_where_there_is_none(web: WebFiles) -> None:
    error = failure(store(f"127.0.0.1:{web.port}", s3_secure=True))
    assert error.code is ErrorCode.SOURCE_UNREACHABLE


def test_settings_that_make_no_store() -> None:
    with pytest.raises(ConfigurationError, match="S3_ENDPOINT"):
        store("http://127.0.0.1:9000/path")
    with pytest.raises(ConfigurationError, match="S3_SECRET_KEY"):
        store("127.0.0.1:9000", s3_secret_key=None)


DATA = bytes(range(256)) * 20


def answer(asked: Asked, *, body: bytes | None = None, size: int = len(DATA), shift: int = 0) -> bytes:
    """As a store answers: HEAD with the size, GET with the range; but for what is said otherwise."""
    head = f'HTTP/1.1 {206 if asked.end else 200} OK\r\nETag: "abc"\r\nContent-Type: video/mp4\r\nConnection: close\r\n'
    head += "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
    if asked.begin is None or asked.end is None:
        return f"{head}Content-Length: {len(DATA)}\r\n\r\n".encode()
    head += f"Content-Range: bytes {asked.begin + shift}-{asked.end + shift}/{size}\r\n"
    body = DATA[asked.begin : asked.end + 1] if body is None else body
    return f"{head}Content-Length: {asked.end - asked.begin + 1}\r\n\r\n".encode() + body


def read_failure(behaviour: Behaviour) -> CodedError:
    """What reading a range ends in, where opening went well."""

    def behave(asked: Asked) -> None:
        if asked.begin is None:
            asked.send(answer(asked))
        else:
            behaviour(asked)

    with bad_server(behave) as server:
        source = store(f"127.0.0.1:{server.port}").open("s3://bucket/video.mp4", 2**30)
        begun = time.monotonic()
        with pytest.raises(CodedError) as caught:
            source.read_at(1000, 1000)
        assert time.monotonic() - begun < 2
    return caught.value


@pytest.mark.parametrize(
    ("name", "behaviour", "code"),
    [
        ("another range", lambda asked: asked.send(answer(asked, shift=8)), ErrorCode.SOURCE_CHANGED),
        ("another size", lambda asked: asked.send(answer(asked, size=9999)), ErrorCode.SOURCE_CHANGED),
        (
            "all of it",
            lambda asked: asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(DATA) + DATA),
            ErrorCode.SOURCE_CHANGED,
        ),
        ("a byte and then the next", lambda asked: asked.drip(answer(asked)), ErrorCode.SOURCE_UNREACHABLE),
        (
            "a head, and then a byte and the next",
            lambda asked: (asked.send(answer(asked, body=b"")), asked.drip(bytes(1000))),
            ErrorCode.SOURCE_UNREACHABLE,
        ),
        ("nothing", lambda asked: asked.send(answer(asked, body=b"")), ErrorCode.SOURCE_UNREACHABLE),
        ("no http", lambda asked: asked.send(b"220 ready\r\n"), ErrorCode.SOURCE_UNREACHABLE),
    ],
)
def test_a_store_that_drips_or_lies(name: str, behaviour: Behaviour, code: ErrorCode) -> None:
    assert read_failure(behaviour).code is code, name


def test_a_transfer_that_breaks_off_goes_on_where_it_was() -> None:
    def behave(asked: Asked) -> None:
        body = None if asked.begin is None or asked.end is None else DATA[asked.begin : asked.begin + 300]
        asked.send(answer(asked, body=body))

    with bad_server(behave) as server:
        source = store(f"127.0.0.1:{server.port}").open("s3://bucket/video.mp4", 2**30)
        assert source.read_at(1000, 1000) == DATA[1000:2000]
        assert [asked.begin for asked in server.asked] == [None, 1000, 1300, 1600, 1900]
