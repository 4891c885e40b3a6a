"""A stand-in for RunPod's REST API v2: pods and the catalogue of GPUs, by its published description.

    with RunpodServer() as runpod:
        runpod.cloud.stock["NVIDIA L4"] = 1
        ... runpod.url, runpod.key ...

Fields and parameters that the description does not know are refused by name. Pods stay in PROVISIONING until a test
moves them on (`Cloud.run`).
"""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.runpod_schema import GPU_QUERY, POD_QUERY, broken_rule, violations

Answer = tuple[int, Any, dict[str, str]]
PAGE = 2
"""Pods on a page; the real one takes 1000, and asking for less is part of what it can do."""


def problem(status: int, detail: str, errors: list[str] | None = None, **headers: str) -> Answer:
    """An error by RFC 9457."""
    title = {401: "Unauthorized", 404: "Not Found", 422: "Unprocessable Entity"}.get(status, "Error")
    body: dict[str, Any] = {"title": title, "status": status, "detail": detail}
    return status, body | ({"errors": errors} if errors else {}), headers


def gpu(name: str, memory: int, price: float, *, community: bool = True) -> dict[str, Any]:
    """A type in the catalogue; COMMUNITY costs two thirds."""
    return {
        "id": name,
        "name": name.removeprefix("NVIDIA "),
        "pool": None,
        "manufacturer": "NVIDIA",
        "memory": memory,
        "secure": True,
        "community": community,
        "price": {"secure": price, "community": round(price * 2 / 3, 4)},
        "maxCount": {"secure": 8, "community": 4},
    }


CATALOGUE = [
    gpu("NVIDIA H100 80GB HBM3", 80, 2.99),
    gpu("NVIDIA L4", 24, 0.39),
    gpu("NVIDIA GeForce RTX 4090", 24, 0.69),
    gpu("NVIDIA RTX A4000", 16, 0.25),
    gpu("NVIDIA L40S", 48, 0.86, community=False),
]


@dataclass
class Cloud:
    """The account: what it has and how it answers next.

    Attributes:
        stock: free cards by type; a type that is not named has plenty.
        answers: what the next requests get instead of their answer; None: their own.
        lose: whether the answer to the next creation is lost: the pod is made, and the connection closed.
        now: what creation times are taken from.
    """

    key: str = "rpa_test"
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    stock: dict[str, int] = field(default_factory=dict)
    answers: deque[Answer | None] = field(default_factory=deque)
    lose: bool = False
    made: int = 0
    requests: list[tuple[str, str]] = field(default_factory=list)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def run(self, *, status: str = "RUNNING", age_seconds: float = 3600.0) -> None:
        """Every pod that is being made is in this state now, and was made so long ago."""
        for pod in self.pods.values():
            if pod["status"] in ("PROVISIONING", "STARTING"):
                made = (self.now - timedelta(seconds=age_seconds)).isoformat()
                pod |= {"status": status, "createdAt": made, "actions": ["terminate"]}

    def names(self) -> list[str]:
        return sorted(pod["name"] for pod in self.pods.values())

    def create(self, body: Any) -> Answer:
        wrong = violations(body)
        if wrong:
            return problem(422, "Request validation failed.", wrong)
        rule = broken_rule(body)
        if rule is not None:
            return problem(400, rule)
        wanted, count = body["gpu"]["id"], body["gpu"].get("count", 1)
        kind = next((one for one in CATALOGUE if one["id"] == wanted), None)
        if kind is None or self.stock.get(wanted, count) < count:
            return problem(400, "There are no longer any instances available with the requested specifications.")
        if wanted in self.stock:
            self.stock[wanted] -= count
        self.made += 1
        cloud = body.get("cloud", "SECURE")
        pod = {
            "id": f"pod{self.made:04d}",
            "name": body["name"],
            "image": body["image"],
            "args": "",
            "entrypoint": [],
            "cmd": [],
            "disk": body.get("disk", 50),
            "ports": body.get("ports", []),
            "env": body.get("env", {}),
            "registry": body.get("registry"),
            "status": "PROVISIONING",
            "actions": ["stop", "terminate"],
            "mounts": body.get("mounts", {}),
            "gpu": {"id": wanted, "count": count, "vcpuCount": 8, "memory": 64},
            "cloud": cloud,
            "dataCenterId": None,
            "cudaVersion": None,
            "ssh": {"proxy": None, "direct": None},
            "template": None,
            "cost": count * kind["price"][cloud.lower()],
            "locked": False,
            "globalNetworking": {"enabled": body.get("globalNetworking", False)},
            "runtime": None,
            "createdAt": self.now.isoformat(),
            "startedAt": None,
        }
        self.pods[str(pod["id"])] = pod
        return 201, pod, {}

    def list(self, query: dict[str, str]) -> Answer:
        if unknown := query.keys() - POD_QUERY:
            return problem(400, f"unknown query parameter {sorted(unknown)[0]!r}")
        begin = int(query.get("cursor", "0"))
        everything = list(self.pods.values())
        more = begin + PAGE < len(everything)
        pagination = {"nextCursor": str(begin + PAGE) if more else None, "hasNextPage": more}
        return 200, {"pods": everything[begin : begin + PAGE], "pagination": pagination}, {}

    def gpus(self, query: dict[str, str]) -> Answer:
        if unknown := query.keys() - GPU_QUERY:
            return problem(400, f"unknown query parameter {sorted(unknown)[0]!r}")
        if ("include" in query) != ("product" in query):
            return problem(400, "include=AVAILABILITY and product need each other")
        if "include" not in query:
            return 200, {"gpus": CATALOGUE}, {}
        count = int(query.get("count", "1"))
        level = {one["id"]: "NONE" if self.stock.get(one["id"], 99) < count else "HIGH" for one in CATALOGUE}
        return 200, {"gpus": [one | {"availability": level[one["id"]]} for one in CATALOGUE]}, {}

    def respond(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        found = re.fullmatch(r"/v2/pods/([^/]+)", path)
        if (method, path) == ("GET", "/v2/catalog/gpus"):
            return self.gpus(query)
        if (method, path) == ("GET", "/v2/pods"):
            return self.list(query)
        if (method, path) == ("POST", "/v2/pods"):
            return self.create(body)
        if found and method == "DELETE":
            return (204, None, {}) if self.pods.pop(unquote(found[1]), None) else problem(404, "pod not found")
        return problem(404, "resource not found")


class RunpodServer:
    """The server on a free loopback port, from entering to leaving the context."""

    def __init__(self) -> None:
        self.cloud = Cloud()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="runpod", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v2"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def respond(self, method: str, target: str, authorization: str | None, content: bytes) -> Answer | None:
        """The answer; None: the connection breaks."""
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self._lock:
            self.cloud.requests.append((method, parts.path))
            if authorization != f"Bearer {self.cloud.key}":
                return problem(401, "missing bearer token" if authorization is None else "invalid bearer token")
            given = self.cloud.answers.popleft() if self.cloud.answers else None
            if given is not None:
                return given
            answer = self.cloud.respond(method, parts.path, query, json.loads(content) if content else None)
            if self.cloud.lose and method == "POST":
                self.cloud.lose = False
                return None
            return answer

    def _handler(server: RunpodServer) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler below
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # One write an answer: two of them wait for each other's acknowledgement.
            wbufsize = 65536

            def do_GET(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = server.respond(self.command, self.path, self.headers.get("Authorization"), content)
                if answer is None:
                    self.close_connection = True
                    return
                status, body, headers = answer
                sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Type", "application/problem+json" if status >= 400 else "application/json")
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_POST = do_DELETE = do_GET  # noqa: N815 - the names that http.server calls

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server calls
                """Say nothing."""

        return Handler
