"""Servers that drip, break off, lie or never end: each ends in its code, in its time, and leaves nothing behind."""

from __future__ import annotations

import gzip
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from consumer.errors import CodedError, ErrorCode
from consumer.media.hosts import HostRules
from consumer.media.http_source import MAX_REDIRECTS, HttpStore
from consumer.media.scratch import ScratchSpace
from consumer.media.source import MOST_ANSWERS, Source
from tests.unit.media.bad_server import Asked, BadServer, Behaviour, bad_server

DATA = bytes(range(256)) * 40
LIMIT = 0.5
"""Seconds that a request may take, and the opening of a source."""

SPARE = 2.0
"""Seconds on top, on a busy machine."""

QUOTA = 2**20


@pytest.fixture(autouse=True)
def scratch_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Temporary files go where it is seen if one is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


@dataclass
class Client:
    """A store, and what is left of its scratch space."""

    store: HttpStore
    scratch: ScratchSpace

    def open(self, server: BadServer, max_bytes: int = 2**30) -> Source:
        return self.store.open(server.url, max_bytes, time.monotonic() + LIMIT)

    def fails(self, call: Callable[[], object]) -> ErrorCode:
        """The code with which it fails, in time."""
        began = time.monotonic()
        with pytest.raises(CodedError) as caught:
            call()
        assert time.monotonic() - began < LIMIT + SPARE
        assert "secret" not in caught.value.message
        assert self.scratch.used == 0
        return caught.value.code


@pytest.fixture
def client() -> Iterator[Client]:
    scratch = ScratchSpace(QUOTA)
    store = HttpStore(HostRules(["127.0.0.1"]), scratch, LIMIT)
    yield Client(store, scratch)
    store.close()


def part(asked: Asked, *, etag: str = '"v1"', data: bytes = DATA, **wrong: object) -> bytes:
    """A good answer to a request for a range, but for what is `wrong`: begin, end, size, status, length or body."""
    begin, end = asked.begin or 0, min(asked.end if asked.end is not None else len(data) - 1, len(data) - 1)
    body = wrong.get("body", data[begin : end + 1])
    assert isinstance(body, bytes)
    content_range = f"bytes {wrong.get('begin', begin)}-{wrong.get('end', end)}/{wrong.get('size', len(data))}"
    head = (
        f"HTTP/1.1 {wrong.get('status', '206 Partial Content')}\r\nETag: {etag}\r\n"
        f"Content-Range: {content_range}\r\nContent-Length: {wrong.get('length', len(body))}\r\n\r\n"
    )
    return head.encode() + body


def first_good(then: Behaviour) -> Behaviour:
    """A server with which all is well until the video is opened."""

    def behave(asked: Asked) -> None:
        if asked.end == 0:
            asked.send(part(asked))
        else:
            then(asked)

    return behave


def whole(asked: Asked, data: bytes = DATA) -> None:
    asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data)


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"4000\r\n" + bytes(0x4000) + b"\r\n"


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
            lambda asked: asked.send(b"HTTP/1.1 302 Found\r\nLocation: /video.mp4\r\nContent-Length: 0\r\n\r\n"),
            ErrorCode.SOURCE_REFUSED,
        ),
        (
            "a dripping redirect",
            lambda asked: (asked.send(b"HTTP/1.1 302 Found\r\nLocation: /"), asked.drip_for_ever(b"a")),
            ErrorCode.SOURCE_UNREACHABLE,
        ),
    ],
)
def test_that_it_cannot_be_opened(client: Client, name: str, behaviour: Behaviour, code: ErrorCode) -> None:
    with bad_server(behaviour) as server:
        assert client.fails(lambda: client.open(server)) is code, name
        assert 1 <= len(server.asked) <= MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    ("name", "behaviour", "code"),
    [
        ("all of it", lambda asked: asked.send(part(asked, status="200 OK", body=DATA)), ErrorCode.SOURCE_CHANGED),
        ("from another place", lambda asked: asked.send(part(asked, begin=7)), ErrorCode.SOURCE_CHANGED),
        ("up to another place", lambda asked: asked.send(part(asked, end=9000)), ErrorCode.SOURCE_CHANGED),
        ("up to before its begin", lambda asked: asked.send(part(asked, end=0)), ErrorCode.SOURCE_CHANGED),
        ("of another size", lambda asked: asked.send(part(asked, size=len(DATA) + 1)), ErrorCode.SOURCE_CHANGED),
        ("of another version", lambda asked: asked.send(part(asked, etag='"v2"')), ErrorCode.SOURCE_CHANGED),
        ("more than the range", lambda asked: asked.send(part(asked, body=bytes(5000))), ErrorCode.SOURCE_CHANGED),
        (
            "more than the range, without end",
            lambda asked: (
                asked.send(part(asked, body=b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")),
                asked.for_ever(CHUNK),
            ),
            ErrorCode.SOURCE_CHANGED,
        ),
        ("no range", whole, ErrorCode.SOURCE_CHANGED),
        (
            "not satisfiable",
            lambda asked: asked.send(part(asked, status="416 Range Not Satisfiable", body=b"")),
            ErrorCode.SOURCE_CHANGED,
        ),
        ("nothing", lambda asked: asked.send(part(asked, body=b"", length=1000)), ErrorCode.SOURCE_UNREACHABLE),
        ("no more than its head", lambda asked: asked.send(part(asked, body=b"")), ErrorCode.SOURCE_UNREACHABLE),
        (
            "a byte each time",
            lambda asked: asked.send(part(asked, body=b"\0", length=1000)),
            ErrorCode.SOURCE_UNREACHABLE,
        ),
        ("a byte and a while later the next", lambda asked: asked.drip(part(asked)), ErrorCode.SOURCE_UNREACHABLE),
        (
            "and redirects",
            lambda asked: asked.send(b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"),
            ErrorCode.SOURCE_FORBIDDEN,
        ),
    ],
)
def test_that_a_range_cannot_be_read(client: Client, name: str, behaviour: Behaviour, code: ErrorCode) -> None:
    with bad_server(first_good(behaviour)) as server:
        source = client.open(server)
        assert client.fails(lambda: source.read_at(1000, 1000)) is code, name
        assert len(server.asked) <= 1 + MOST_ANSWERS
        assert source.bytes_read == 0


def test_a_transfer_that_breaks_off_goes_on_where_it_was(client: Client) -> None:
    def broken(asked: Asked) -> None:
        answer = part(asked)
        asked.send(answer[: answer.index(b"\r\n\r\n") + 4 + 300])

    with bad_server(first_good(broken)) as server:
        source = client.open(server)
        assert source.read_at(1000, 1000) == DATA[1000:2000]
        assert [asked.begin for asked in server.asked[1:]] == [1000, 1300, 1600, 1900]


def test_a_server_that_hands_out_less_at_a_time(client: Client) -> None:
    def sparing(asked: Asked) -> None:
        begin = asked.begin or 0
        asked.send(part(asked, end=begin + 399, body=DATA[begin : begin + 400]))

    with bad_server(first_good(sparing)) as server:
        source = client.open(server)
        assert source.read_at(1000, 1200) == DATA[1000:2200]
        assert [asked.begin for asked in server.asked[1:]] == [1000, 1400, 1800]


def test_a_file_that_is_replaced_while_a_transfer_is_broken_off(client: Client) -> None:
    """The rest of another file must not be put behind the first half of this one."""

    def replaced(asked: Asked) -> None:
        if asked.begin == 1000:
            answer = part(asked)
            asked.send(answer[: answer.index(b"\r\n\r\n") + 4 + 300])
        else:
            asked.send(part(asked, etag='"v2"', data=DATA[::-1]))

    with bad_server(first_good(replaced)) as server:
        source = client.open(server)
        assert client.fails(lambda: source.read_at(1000, 1000)) is ErrorCode.SOURCE_CHANGED


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('ETag: "v1"', 'ETag: "v2"'),
        ('ETag: W/"v1"', 'ETag: W/"v2"'),
        ("Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT", "Last-Modified: Mon, 01 Jan 2024 00:00:01 GMT"),
        ('ETag: "v1"', "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT"),
        ('ETag: "v1"', "X-Nothing: to see"),
    ],
)
def test_whatever_stands_for_the_version_may_not_change(client: Client, before: str, after: str) -> None:
    says = before

    def behave(asked: Asked) -> None:
        asked.send(part(asked).replace(b'ETag: "v1"', says.encode()))

    with bad_server(behave) as server:
        source = client.open(server)
        assert source.read_at(0, 1000) == DATA[:1000]
        says = after
        assert client.fails(lambda: source.read_at(1000, 1000)) is ErrorCode.SOURCE_CHANGED
        if "X-" not in after:
            assert client.open(server).identity != source.identity, "a worker that takes over sees it, too"


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
