"""A client whose requests end at a moment, however slowly the other side sends.

The time-outs of httpx are for one read: a server that sends a byte a second, of its headers too, never runs into them.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpcore
import httpx


class Clock:
    """How long the requests of the calling thread may take."""

    def __init__(self) -> None:
        self._own = threading.local()

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        """Every read and write in the body ends before `deadline` on the monotonic clock, with httpx.TimeoutException.

        In one that is inside another the earlier moment counts.
        """
        before = self._deadline
        self._own.deadline = min(before, deadline)
        try:
            yield
        finally:
            self._own.deadline = before

    @property
    def _deadline(self) -> float:
        return getattr(self._own, "deadline", float("inf"))

    def left(self, timeout: float | None) -> float:
        """Seconds for the next step, at most `timeout`.

        Raises:
            httpcore.ReadTimeout: there are none.
        """
        seconds = min(float("inf") if timeout is None else timeout, self._deadline - time.monotonic())
        if seconds <= 0:
            raise httpcore.ReadTimeout("The time for the whole request is over.")
        return seconds


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, clock: Clock) -> None:
        self._stream, self._clock = stream, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._clock.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._clock.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, self._clock.left(timeout)), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Network(httpcore.NetworkBackend):
    def __init__(self, clock: Clock) -> None:
        self._clock, self._network = clock, httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        seconds = self._clock.left(timeout)
        return _Stream(self._network.connect_tcp(host, port, seconds, local_address, socket_options), self._clock)


class _Transport(httpx.HTTPTransport):
    """httpx's own, on our network: it has no argument for that, and its pool is all that has to be another."""

    def __init__(self, context: ssl.SSLContext, clock: Clock) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, max_connections=100, keepalive_expiry=5.0, network_backend=_Network(clock)
        )


def plain_client(context: ssl.SSLContext, clock: Clock, timeout: httpx.Timeout) -> httpx.Client:
    """A client without proxies, cookies and redirects of its own."""
    transport = _Transport(context, clock)
    client = httpx.Client(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False)
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return client
