"""Servers with which all is well until the video is opened: no range is ever a mixture, and each ends in time."""

from __future__ import annotations

import pytest

from consumer.errors import ErrorCode
from consumer.media.source import MOST_ANSWERS
from tests.media.bad_client import (
    CHUNK,
    DATA,
    FOUND,
    Client,
    first_good,
    part,
    whole,
)
from tests.media.bad_server import Asked, Behaviour, bad_server


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
            lambda asked: asked.send(FOUND + b"Location: /other\r\nContent-Length: 0\r\n\r\n"),
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
