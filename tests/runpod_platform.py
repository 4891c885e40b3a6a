"""A stand-in for RunPod's queue as its SDK sees it: where a serverless worker takes requests and leaves answers.

with RunpodPlatform() as platform:
    ... a worker with platform.environment ...
    platform.submit("request-1", {"video_url": ...})
    platform.wait("request-1")
"""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict, deque
from typing import Any
from urllib.parse import urlsplit

from tests.json_server import JsonServer, Reply, Request

_POLL_SECONDS = 0.2


class RunpodPlatform(JsonServer):
    """The queue of one endpoint.

    Attributes:
        updates: by request, everything that came before its answer.
        answers: by request.
    """

    def __init__(self) -> None:
        super().__init__()
        self.updates: dict[str, list[Any]] = defaultdict(list)
        self.answers: dict[str, Any] = {}
        self._waiting: deque[dict[str, Any]] = deque()
        self._stopped: list[str] = []
        self._changed = threading.Condition()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make a process a worker of this endpoint."""
        base = f"http://{self.address}"
        return {
            "RUNPOD_POD_ID": "worker1",
            "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?gpu=none",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?gpu=none",
            # They look for the network and a card.
            "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
            "RUNPOD_SKIP_GPU_CHECK": "true",
        }

    def submit(self, request_id: str, fields: dict[str, Any]) -> None:
        """Put a request into the queue."""
        with self._changed:
            self._waiting.append({"id": request_id, "input": fields})
            self._changed.notify_all()

    def cancel(self, request_id: str) -> None:
        """Tell the worker to stop the request."""
        with self._changed:
            self._stopped.append(request_id)
            self._changed.notify_all()

    def wait(self, request_id: str, *, update: bool = False, seconds: float = 60.0) -> Any:
        """The answer, or with `update` the first update, of the request."""
        there = self.updates if update else self.answers
        with self._changed:
            assert self._changed.wait_for(lambda: there.get(request_id), seconds), f"nothing about {request_id}"
            return there[request_id]

    def _take(self, single: bool) -> tuple[int, Any]:
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting, _POLL_SECONDS):
                return 204, None
            job = self._waiting.popleft()
        return 200, job if single else [job]

    def _stops(self) -> tuple[int, Any]:
        with self._changed:
            if not self._changed.wait_for(lambda: self._stopped, _POLL_SECONDS):
                return 204, None
            stopped, self._stopped = self._stopped, []
        return 200, {"jobsToStop": stopped}

    def _done(self, request_id: str, content: Any) -> tuple[int, Any]:
        with self._changed:
            if content.get("status") == "IN_PROGRESS":
                self.updates[request_id].append(content["output"])
            else:
                self.answers[request_id] = content
            self._changed.notify_all()
        return 200, {}

    def respond(self, request: Request) -> Reply:
        path = urlsplit(request.target).path
        if path.startswith(("/job-take/", "/job-take-batch/")):
            return Reply(*self._take(path.startswith("/job-take/")))
        if path.startswith("/job-stop/"):
            return Reply(*self._stops())
        found = re.fullmatch(r"/job-done/worker1/([^/]+)", path)
        return Reply(*self._done(found[1], json.loads(request.content))) if found else Reply(404, {})
