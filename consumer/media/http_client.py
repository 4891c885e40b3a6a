"""The client for http(s) sources: requests that end in time, and answers that are handed over as they come."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from consumer import __version__
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


class HttpClient:
    """One pool of connections.

    Not httpx.Client, which reads more into an answer than is wanted of a stranger's: it takes cookies, and prepares to
    follow a redirect before it can be told not to.
    """

    def __init__(self, context: ssl.SSLContext, timeout: httpx.Timeout) -> None:
        self._transport, self._timeout = _Transport(context), timeout

    def request(self, url: httpx.URL, headers: dict[str, str]) -> httpx.Request:
        """A GET request, with the address's own credentials if it has some."""
        given = {"Accept": "*/*", "User-Agent": f"video-consumer/{__version__}", **headers}
        request = httpx.Request("GET", url, headers=given, extensions={"timeout": self._timeout.as_dict()})
        if url.userinfo:
            return next(httpx.BasicAuth(url.username, url.password).auth_flow(request))
        return request

    def send(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body not read yet; the caller closes it.

        Raises:
            httpx.HTTPError: also while the body is read; a TimeoutException at the end of `request_time.until`.
        """
        return self._transport.handle_request(request)

    def close(self) -> None:
        self._transport.close()
