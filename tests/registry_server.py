"""A stand-in for a Schema Registry: the part of Confluent's REST API that producers and consumers of Avro use.

    with RegistryServer() as registry:
        schema_id = registry.register("video.jobs-value", schema_text)
        ... registry.url ...

It keeps subjects, versions and global ids as the real one does, and checks no compatibility but what `refused` says.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

Answer = tuple[int, Any]
CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"


def _error(code: int, message: str) -> Answer:
    """An error body; the first three digits of its code are the HTTP status."""
    return int(str(code)[:3]), {"error_code": code, "message": message}


@dataclass
class Store:
    """Subjects and schemas.

    Args:
        refused: subjects for which every new schema is incompatible.
    """

    schemas: dict[int, str] = field(default_factory=dict)
    subjects: dict[str, list[int]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def register(self, subject: str, text: str) -> Answer:
        try:
            schema = json.dumps(json.loads(text), separators=(",", ":"))
        except ValueError:
            return _error(42201, "Invalid schema")
        with self.lock:
            versions = self.subjects.get(subject, [])
            known = next((one for one, there in self.schemas.items() if there == schema), None)
            if known in versions:
                return 200, {"id": known}
            if subject in self.refused:
                return _error(409, "Schema being registered is incompatible with an earlier schema")
            schema_id = known or len(self.schemas) + 1
            self.schemas[schema_id] = schema
            self.subjects[subject] = [*versions, schema_id]
        return 200, {"id": schema_id}

    def look_up(self, subject: str, text: str) -> Answer:
        if subject not in self.subjects:
            return _error(40401, f"Subject '{subject}' not found.")
        for version, schema_id in enumerate(self.subjects[subject], 1):
            if json.loads(self.schemas[schema_id]) == json.loads(text):
                return self._version(subject, version, schema_id)
        return _error(40403, "Schema not found")

    def by_id(self, schema_id: int) -> Answer:
        if schema_id not in self.schemas:
            return _error(40403, f"Schema {schema_id} not found")
        return 200, {"schema": self.schemas[schema_id]}

    def version(self, subject: str, version: str) -> Answer:
        versions = self.subjects.get(subject)
        if not versions:
            return _error(40401, f"Subject '{subject}' not found.")
        number = len(versions) if version == "latest" else int(version)
        if not 1 <= number <= len(versions):
            return _error(40402, f"Version {version} not found.")
        return self._version(subject, number, versions[number - 1])

    def _version(self, subject: str, version: int, schema_id: int) -> Answer:
        return 200, {"subject": subject, "version": version, "id": schema_id, "schema": self.schemas[schema_id]}


ROUTES: list[tuple[str, str, Callable[[Store, dict[str, Any], list[str]], Answer]]] = [
    ("POST", r"/subjects/([^/]+)/versions", lambda store, body, path: store.register(path[0], body["schema"])),
    ("GET", r"/subjects/([^/]+)/versions/(\d+|latest)", lambda store, body, path: store.version(path[0], path[1])),
    ("GET", r"/subjects/([^/]+)/versions", lambda store, body, path: _versions(store, path[0])),
    ("POST", r"/subjects/([^/]+)", lambda store, body, path: store.look_up(path[0], body["schema"])),
    ("GET", r"/subjects", lambda store, body, path: (200, sorted(store.subjects))),
    ("GET", r"/schemas/ids/(\d+)", lambda store, body, path: store.by_id(int(path[0]))),
    ("GET", r"/schemas/types", lambda store, body, path: (200, ["AVRO"])),
    ("GET", r"/config(?:/[^/]+)?", lambda store, body, path: (200, {"compatibilityLevel": "BACKWARD"})),
    ("GET", r"/", lambda store, body, path: (200, {})),
]


def _versions(store: Store, subject: str) -> Answer:
    if subject not in store.subjects:
        return _error(40401, f"Subject '{subject}' not found.")
    return 200, list(range(1, len(store.subjects[subject]) + 1))


class RegistryServer:
    """The server on a free loopback port, from entering to leaving the context.

    Args:
        answer: what every request gets instead, status and body (bytes go out as they are): a registry in trouble.
        silent: requests are read and never answered, until the server is closed.
    """

    def __init__(self, *, answer: Answer | None = None, silent: bool = False) -> None:
        self.store = Store()
        self.answer, self.silent = answer, silent
        self.requests: Counter[tuple[str, str]] = Counter()
        self.authorization: list[str | None] = []
        self._closed = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="registry", daemon=True)

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def register(self, subject: str, schema_text: str) -> int:
        """Register a schema as any producer would; returns its id."""
        status, body = self.store.register(subject, schema_text)
        if status != 200:
            raise ValueError(body)
        return int(body["id"])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _respond(self, method: str, target: str, body: bytes) -> Answer:
        path = urlsplit(target).path
        if self.answer is not None:
            return self.answer
        for verb, pattern, respond in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and verb == method:
                return respond(self.store, json.loads(body or b"{}"), [unquote(part) for part in found.groups()])
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _handler(server: RegistryServer) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler below
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.authorization.append(self.headers.get("Authorization"))
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.requests[self.command, urlsplit(self.path).path] += 1
                if server.silent:
                    server._closed.wait()
                    self.close_connection = True
                    return
                status, answer = server._respond(self.command, self.path, body)
                sent = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_POST = do_GET  # noqa: N815 - the name that http.server calls

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server calls
                """Say nothing."""

        return Handler
