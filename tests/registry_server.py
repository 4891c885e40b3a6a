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
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.json_server import JsonServer, Reply, Request

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


class RegistryServer(JsonServer):
    """The server on a free loopback port, from entering to leaving the context.

    Args:
        answer: what every request gets instead, status and body (bytes go out as they are): a registry in trouble.
        silent: requests are read and never answered, until the server is closed.
    """

    def __init__(self, *, answer: Answer | None = None, silent: bool = False) -> None:
        super().__init__()
        self.store = Store()
        self.answer, self.silent = answer, silent
        self.requests: Counter[tuple[str, str]] = Counter()
        self.authorization: list[str | None] = []
        self._closed = threading.Event()

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def register(self, subject: str, schema_text: str) -> int:
        """Register a schema as any producer would; returns its id."""
        status, body = self.store.register(subject, schema_text)
        if status != 200:
            raise ValueError(body)
        return int(body["id"])

    def respond(self, request: Request) -> Reply | None:
        path = urlsplit(request.target).path
        self.authorization.append(request.authorization)
        self.requests[request.method, path] += 1
        if self.silent:
            self._closed.wait()
            return None
        status, body = self.answer or self._answer(request.method, path, request.content)
        return Reply(status, body, content_type=CONTENT_TYPE)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        super().__exit__(kind, error, trace)

    def _answer(self, method: str, path: str, content: bytes) -> Answer:
        for verb, pattern, respond in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and verb == method:
                return respond(self.store, json.loads(content or b"{}"), [unquote(part) for part in found.groups()])
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}
