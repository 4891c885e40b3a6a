"""An S3 store as far as an upload needs one: takes and lists objects, or refuses with a code."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

STATUS = {"NoSuchBucket": 404, "AccessDenied": 403, "InvalidAccessKeyId": 403, "SignatureDoesNotMatch": 403}


@dataclass(slots=True)
class S3Stand:
    """A store with one bucket, `videos`.

    Args:
        refusal: the code of the error that every request ends with; None: all goes well.
        listing: whether these credentials may list objects.
        objects: by path.
        kinds: content types by path.
        puts: how many objects were sent.
    """

    endpoint: str = ""
    refusal: str | None = None
    listing: bool = True
    objects: dict[str, bytes] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    puts: int = 0


@contextmanager
def standing() -> Iterator[S3Stand]:
    """The store, on a free port of this machine."""
    store = S3Stand()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer()

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self._code() is None:
                # Before the answer: with it, the test looks.
                store.objects[self.path] = body
                store.kinds[self.path] = self.headers["Content-Type"]
                store.puts += 1
            self._answer()

        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            listed = _listing(store, asked.get("prefix", [""])[0]) if "list-type" in asked else b""
            self._answer(listed, None if store.listing else "AccessDenied")

        def _code(self) -> str | None:
            missing = urlsplit(self.path).path.split("/")[1] != "videos"
            return store.refusal or ("NoSuchBucket" if missing else None)

        def _answer(self, content: bytes = b"", refusal: str | None = None) -> None:
            code = self._code() or refusal
            error = f"<Error><Code>{code}</Code><Message>No way.</Message></Error>".encode() if code else content
            self.send_response(STATUS.get(code, 400) if code else 200)
            self.send_header("Content-Length", str(len(error)))
            self.send_header("Content-Type", "application/xml")
            self.send_header("ETag", '"0"')
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(error)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Nothing: stderr is the test's."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.endpoint = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listing(store: S3Stand, prefix: str) -> bytes:
    found = "".join(
        f"<Contents><Key>{path.removeprefix('/videos/')}</Key><Size>{len(data)}</Size><ETag>0</ETag>"
        "<LastModified>2026-01-31T12:00:00.000Z</LastModified></Contents>"
        for path, data in store.objects.items()
        if path.startswith(f"/videos/{prefix}")
    )
    space = "http://s3.amazonaws.com/doc/2006-03-01/"
    inner = f"<Name>videos</Name><Prefix>{prefix}</Prefix><IsTruncated>false</IsTruncated>{found}"
    return f'<ListBucketResult xmlns="{space}">{inner}</ListBucketResult>'.encode()


@contextmanager
def nobody() -> Iterator[str]:
    """An address of this machine at which connections are refused: the port is taken, but nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"
