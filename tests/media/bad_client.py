"""A client of bad servers that sees whether all ends in time and nothing is left; and their good answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from consumer.errors import CodedError, ErrorCode
from consumer.media.http_source import HttpStore
from consumer.media.scratch import ScratchSpace
from consumer.media.source import Source
from tests.media.bad_server import Asked, BadServer, Behaviour

DATA = bytes(range(256)) * 40
LIMIT = 0.5
"""Seconds that a request may take, and the opening of a source."""

SPARE = 2.0
"""Seconds on top, on a busy machine."""

QUOTA = 2**20


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


def part(asked: Asked, *, etag: str = '"v1"', data: bytes = DATA, **wrong: object) -> bytes:
    """A good answer to a request for a range, but for what is `wrong`: begin, end, size, status, length or body."""
    begin, end = asked.begin or 0, min(asked.end if asked.end is not None else len(data) - 1, len(data) - 1)
    body = wrong.get("body", data[begin : end + 1])
    assert isinstance(body, bytes)
    content_range = f"bytes {wrong.get('begin', begin)}-{wrong.get('end', end)}/{wrong.get('size', len(data))}"
    head = (
        f"HTTP/1.1 {wrong.get('status', '206 Partial Content')}\r\nConnection: close\r\nETag: {etag}\r\n"
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
    asked.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(data) + data)


OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
FOUND = b"HTTP/1.1 302 Found\r\nConnection: close\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"4000\r\n" + bytes(0x4000) + b"\r\n"
