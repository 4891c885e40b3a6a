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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

_POLL_SECONDS = 0.2


class RunpodPlatform:
    """The queue of one endpoint.

    Attributes:
        updates: by request, everything that came before its answer.
        answers: by request.
    """

    def __init__(self) -> None:
        self.updates: dict[str, list[Any]] = defaultdict(list)
        self.answers: dict[str, Any] = {}
        self._waiting: deque[dict[str, Any]] = deque()
        self._stopped: list[str] = []
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="platform", daemon=True)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make a process a worker of this endpoint."""
        base = f"http://127.0.0.1:{self._server.server_port}"
        return {
            "RUNPOD_POD_ID": "worker1",
            "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?gpu=none",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?gpu=none",
            # They look for the network and a card.
            "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
            "RUNPOD_SKIP_GPU_CHECK": "true",
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

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

    def _respond(self, target: str, content: bytes) -> tuple[int, Any]:
        path = urlsplit(target).path
        if path.startswith(("/job-take/", "/job-take-batch/")):
            return self._take(path.startswith("/job-take/"))
        if path.startswith("/job-stop/"):
            return self._stops()
        found = re.fullmatch(r"/job-done/worker1/([^/]+)", path)
        return self._done(found[1], json.loads(content)) if found else (404, {})

    def _handler(platform: RunpodPlatform) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler below
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer = platform._respond(self.path, content)
                sent = b"" if answer is None else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_POST = do_GET  # noqa: N815 - the name that http.server calls

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server calls
                """Say nothing."""

        return Handler
