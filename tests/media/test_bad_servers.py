"""Servers that drip, break off, lie or never end: each ends in its code, in its time, and leaves nothing behind."""

from __future__ import annotations

import gzip

import pytest

from consumer.errors import ErrorCode
from consumer.media.http_source import MAX_REDIRECTS
from tests.media.bad_client import (
    CHUNK,
    CHUNKED,
    DATA,
    FOUND,
    OK,
    QUOTA,
    Client,
    part,
    whole,
)
from tests.media.bad_server import Asked, Behaviour, bad_server


@pytest.mark.parametrize(
    ("name", "behaviour", "code"),
    [
        ("no answer", lambda asked: None, ErrorCode.SOURCE_UNREACHABLE),
        ("no http", lambda asked: asked.send(b"220 ready\r\n"), ErrorCode.SOURCE_UNREACHABLE),
        ("a dripping status", lambda asked: asked.drip_for_ever(OK), ErrorCode.SOURCE_UNREACHABLE),
        (
            "a dripping header",
            lambda asked: (asked.send(OK), asked.drip_for_ever(b"X-More: of it\r\n")),
            ErrorCode.SOURCE_UNREACHABLE,
        ),
        (
            "a header line without end",
            lambda asked: (asked.send(OK + b"X-More: "), asked.for_ever(b"and more " * 1000)),
            ErrorCode.SOURCE_UNREACHABLE,
        ),
        (
            "headers without end",
            lambda asked: (asked.send(OK), asked.for_ever(b"X-More: of it\r\n" * 100)),
            ErrorCode.SOURCE_UNREACHABLE,
        ),
        (
            "continue for ever",
            lambda asked: asked.for_ever(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100),
            ErrorCode.SOURCE_UNREACHABLE,
        ),
        (
            "chunks without end",
            lambda asked: (asked.send(CHUNKED), asked.for_ever(CHUNK)),
            ErrorCode.SOURCE_TOO_LARGE,
        ),
        (
            "dripping chunks",
            lambda asked: (asked.send(CHUNKED), asked.drip_for_ever(b"1\r\nx\r\n")),
            ErrorCode.SOURCE_UNREACHABLE,
        ),
        (
            "a chunk size without end",
            lambda asked: (asked.send(CHUNKED), asked.for_ever(b"0" * 1000)),
            ErrorCode.SOURCE_UNREACHABLE,
        ),
        (
            "a body without end",
            lambda asked: (asked.send(OK + b"\r\n"), asked.for_ever(bytes(10_000))),
            ErrorCode.SOURCE_TOO_LARGE,
        ),
        (
            "a dripping body",
            lambda asked: (asked.send(OK + b"Content-Length: 1000\r\n\r\n"), asked.drip(bytes(1000))),
            ErrorCode.SOURCE_UNREACHABLE,
        ),
        (
            "less than announced",
            lambda asked: asked.send(OK + b"Content-Length: 1000\r\n\r\n" + bytes(999)),
            ErrorCode.SOURCE_UNREACHABLE,
        ),
        (
            "an announcement of more than is allowed",
            lambda asked: asked.send(OK + b"Content-Length: 1%s\r\n\r\n" % (b"0" * 18)),
            ErrorCode.SOURCE_TOO_LARGE,
        ),
        (
            "a length that is none",
            lambda asked: asked.send(OK + b"Content-Length: -5\r\n\r\n" + bytes(10)),
            ErrorCode.SOURCE_UNREACHABLE,
        ),
        ("a size beyond all", lambda asked: asked.send(part(asked, size=10**40)), ErrorCode.SOURCE_TOO_LARGE),
        (
            "the same redirect for ever",
            lambda asked: asked.send(FOUND + b"Location: /video.mp4\r\nContent-Length: 0\r\n\r\n"),
            ErrorCode.SOURCE_REFUSED,
        ),
        (
            "a dripping redirect",
            lambda asked: (
                asked.send(FOUND + b"Location: /"),
                asked.drip_for_ever(b"a"),
            ),
            ErrorCode.SOURCE_UNREACHABLE,
        ),
    ],
)
def test_that_it_cannot_be_opened(client: Client, name: str, behaviour: Behaviour, code: ErrorCode) -> None:
    with bad_server(behaviour) as server:
        assert client.fails(lambda: client.open(server)) is code, name
        assert 1 <= len(server.asked) <= MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-0/10240\r\nContent-Length: 1\r\n\r\n\0",
        b'HTTP/1.1 206 Partial Content\r\nETag: "v1"\r\nContent-Range: bytes 0-0/*\r\nContent-Length: 1\r\n\r\n\0',
        b'HTTP/1.1 206 Partial Content\r\nETag: "v1"\r\nContent-Length: 1\r\n\r\n\0',
        b'HTTP/1.1 416 No\r\nETag: "v1"\r\nContent-Range: bytes */10240\r\nContent-Length: 0\r\n\r\n',
    ],
    ids=["no version", "no size", "no range", "no range of one byte"],
)
def test_ranges_that_are_of_no_use(client: Client, head: bytes) -> None:
    """The whole is fetched: what cannot be told from another version may be one, a range later."""
    data = DATA

    def behave(asked: Asked) -> None:
        if asked.begin is None:
            whole(asked, data)
        else:
            asked.send(head)

    with bad_server(behave) as server:
        source = client.open(server)
        assert [asked.begin for asked in server.asked] == [0, None]
        again = client.open(server)
        assert source.identity == again.identity
        data = DATA[::-1]
        other = client.open(server)
        assert other.identity != source.identity, "the same size, and no version: only the bytes tell"
        assert (source.read_at(5, 300), other.read_at(0, 10)) == (DATA[5:305], data[:10])
        for one in (source, again, other):
            one.close()
    assert client.scratch.used == 0


def test_nothing_is_unpacked(client: Client) -> None:
    """A hundred megabytes fit into a hundred kilobytes."""
    packed = gzip.compress(bytes(100 * 2**20))
    assert len(packed) < QUOTA

    def packing(asked: Asked) -> None:
        asked.send(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)

    with bad_server(packing) as server:
        source = client.open(server)
        assert source.size == len(packed)
        source.close()


def test_one_slow_request_does_not_shorten_another(client: Client) -> None:
    """The time limit is the request's own, not the connection's or the store's."""
    calls = 0

    def behave(asked: Asked) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            asked.drip_for_ever(OK)
        else:
            asked.send(part(asked))

    with bad_server(behave) as server:
        assert client.fails(lambda: client.open(server)) is ErrorCode.SOURCE_UNREACHABLE
        assert client.open(server).read_at(0, 100) == DATA[:100]
