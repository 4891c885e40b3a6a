"""A small web server with the manners and bad manners of real ones."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NoReturn, cast


@dataclass
class WebFiles:
    """What is served, and what was asked for.

    Args:
        files: by path, with a version that makes the ETag.
        ranges: whether parts are handed out.
        answers: by path, a status and headers to be sent instead of a file.
        hang: set it to let requests that wait go on.
    """

    ranges: bool = True
    files: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    answers: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)
    hang: threading.Event = field(default_factory=threading.Event)
    cut_after: int | None = None
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put(self, path: str, data: bytes) -> None:
        version = self.files[path][1] + 1 if path in self.files else 1
        self.files[path] = (data, version)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        web = cast(_Server, self.server).web
        path = self.path.partition("?")[0]
        web.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        if path in web.hanging:
            web.hang.wait(30)
        if path in web.answers:
            status, headers = web.answers[path]
            self._answer(status, b"", headers)
        elif path in web.files:
            self._file(web, *web.files[path])
        else:
            self._answer(404, b"", {})

    do_HEAD = do_GET  # noqa: N815 - the base class's name

    def _file(self, web: WebFiles, data: bytes, version: int) -> None:
        headers = {"ETag": f'"v{version}"', "Set-Cookie": "who=you"}
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")) if web.ranges else None
        if match is None:
            self._answer(200, data, headers)
            return
        begin, end = int(match[1]), min(int(match[2]) + 1, len(data))
        if begin >= len(data):
            self._answer(416, b"", {**headers, "Content-Range": f"bytes */{len(data)}"})
            return
        part = f"bytes {begin}-{end - 1}/{len(data)}"
        self._answer(206, data[begin:end], {**headers, "Content-Range": part}, web.cut_after)

    def _answer(self, status: int, body: bytes, headers: dict[str, str], cut_after: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[:cut_after])
        if cut_after is not None and cut_after < len(body):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, web: WebFiles, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.web, self._tls = web, tls
        web.port = self.server_port

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the thread of the connection, so that a handshake holds up nobody else."""
        if self._tls is not None:
            request = self._tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that left is nothing to print."""


@contextmanager
def serving(*, ranges: bool = True, tls: ssl.SSLContext | None = None) -> Iterator[WebFiles]:
    web = WebFiles(ranges=ranges)
    server = _Server(web, tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        web.hang.set()
        server.shutdown()
        thread.join()
        server.server_close()


def no_address(*_: object, **__: object) -> NoReturn:
    """In place of `socket.getaddrinfo`: no name leads anywhere."""
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
