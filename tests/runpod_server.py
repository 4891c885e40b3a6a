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
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from consumer.runpod.api_models import Gpu
from tests.json_server import JsonServer, Reply, Request
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

L4 = Gpu.model_validate(CATALOGUE[1])


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


class RunpodServer(JsonServer):
    """The server on a free loopback port, from entering to leaving the context."""

    def __init__(self) -> None:
        super().__init__()
        self.cloud = Cloud()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://{self.address}/v2"

    def respond(self, request: Request) -> Reply | None:
        answer = self._answer(request)
        if answer is None:
            return None
        status, body, headers = answer
        kind = "application/problem+json" if status >= 400 else "application/json"
        return Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()}, kind)

    def _answer(self, request: Request) -> Answer | None:
        parts = urlsplit(request.target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self._lock:
            self.cloud.requests.append((request.method, parts.path))
            if request.authorization != f"Bearer {self.cloud.key}":
                missing = request.authorization is None
                return problem(401, "missing bearer token" if missing else "invalid bearer token")
            given = self.cloud.answers.popleft() if self.cloud.answers else None
            if given is not None:
                return given
            content = json.loads(request.content) if request.content else None
            answer = self.cloud.respond(request.method, parts.path, query, content)
            if self.cloud.lose and request.method == "POST":
                self.cloud.lose = False
                return None
            return answer
