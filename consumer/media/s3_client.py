"""The connections to the S3 store: no retries, no redirects, and requests that end in time."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.util.ssl_ import create_urllib3_context

from consumer.certificates import trust
from consumer.media import request_time


class _TimedSocket(socket.socket):
    def recv_into(self, *arguments: Any) -> int:
        return _in_time(self, super().recv_into, arguments)


class _TimedSSLSocket(ssl.SSLSocket):
    def recv_into(self, *arguments: Any) -> int:
        return _in_time(self, super().recv_into, arguments)


def _in_time(connection: socket.socket, receive: Any, arguments: tuple[Any, ...]) -> int:
    timeout = connection.gettimeout()
    connection.settimeout(request_time.left(timeout))
    try:
        received: int = receive(*arguments)
    finally:
        connection.settimeout(timeout)
    return received


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        plain = super()._new_conn()
        timeout = plain.gettimeout()
        timed = _TimedSocket(fileno=plain.detach())
        timed.settimeout(timeout)
        return timed


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


def connections(timeout: urllib3.Timeout, most: int, authorities: str | None) -> urllib3.PoolManager:
    """Connections that keep to `request_time.until`, and raise urllib3's ReadTimeoutError at its end.

    Args:
        most: are kept open to one host.
        authorities: PEM file of those whose certificates count; None: the machine's.

    Raises:
        ConfigurationError: that file cannot be read.
    """
    context = create_urllib3_context()
    trust(context, authorities, "S3_SSL_CA_LOCATION")
    context.sslsocket_class = _TimedSSLSocket
    manager = urllib3.PoolManager(
        timeout=timeout,
        maxsize=most,
        retries=urllib3.Retry(total=0, redirect=False, raise_on_status=False),
        ssl_context=context,
    )
    manager.pool_classes_by_scheme = {"http": _Pool, "https": urllib3.HTTPSConnectionPool}
    return manager
