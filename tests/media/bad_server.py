"""A server that sends what a test tells it to, byte for byte: no library would let it be so bad."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

DRIP_SECONDS = 0.02


@dataclass
class Asked:
    """One request: its first line, its range if it has one, and the way back to who asked."""

    line: str
    begin: int | None
    end: int | None
    _connection: socket.socket
    _over: threading.Event

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def drip(self, data: bytes) -> None:
        """A byte, and a while later the next."""
        for place in range(len(data)):
            if self._over.wait(DRIP_SECONDS):
                return
            self.send(data[place : place + 1])

    def for_ever(self, data: bytes) -> None:
        while not self._over.is_set():
            self.send(data)

    def drip_for_ever(self, data: bytes) -> None:
        while not self._over.is_set():
            self.drip(data)


Behaviour = Callable[[Asked], None]


@dataclass
class BadServer:
    """Calls `behaviour` for each request, and closes the connection behind it."""

    behaviour: Behaviour
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/video.mp4?token=secret"


@contextmanager
def bad_server(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[BadServer]:
    """Serve until the body ends; whatever is being sent then is broken off."""
    server, over, open_ones = BadServer(behaviour), threading.Event(), list[socket.socket]()
    listener = socket.create_server(("127.0.0.1", 0))
    server.port = listener.getsockname()[1]
    threads: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_ones.append(connection)
                threads.append(threading.Thread(target=_converse, args=(server, connection, over, tls)))
                threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield server
    finally:
        over.set()
        for one in (listener, *open_ones):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        acceptor.join()
        for thread in threads:
            thread.join()


def _converse(server: BadServer, connection: socket.socket, over: threading.Event, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError):
        if tls is not None:
            connection = tls.wrap_socket(connection, server_side=True)
        if head := _head(connection):
            match = re.search(r"\r\nrange: bytes=(\d+)-(\d+)", head, re.IGNORECASE)
            begin, end = (int(match[1]), int(match[2])) if match else (None, None)
            asked = Asked(head.partition("\r\n")[0], begin, end, connection, over)
            server.asked.append(asked)
            server.behaviour(asked)
    connection.close()


def _head(connection: socket.socket) -> str:
    """Up to the empty line; empty where the other side has gone."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65_536)
        if not piece:
            return ""
        head += piece
    return head.decode("latin-1")
