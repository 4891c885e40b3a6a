"""The client for http(s) sources: no proxies, no cookies, no redirects of its own, and requests that end in time."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from consumer.media import request_time


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Network(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._network.connect_tcp(host, port, _left(timeout), local_address, socket_options))


class _Transport(httpx.HTTPTransport):
    """httpx's own, on our network: it has no argument for that, and its pool is all that has to be another."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, max_connections=100, keepalive_expiry=5.0, network_backend=_Network()
        )


def _left(timeout: float | None) -> float | None:
    try:
        return request_time.left(timeout)
    except TimeoutError as error:
        raise httpcore.ReadTimeout(str(error)) from None


def plain_client(context: ssl.SSLContext, timeout: httpx.Timeout) -> httpx.Client:
    """A client whose requests keep to `request_time.until`; they raise httpx.TimeoutException at its end."""
    client = httpx.Client(transport=_Transport(context), timeout=timeout, trust_env=False, follow_redirects=False)
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return client
