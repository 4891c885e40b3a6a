"""The HTTP side of a running consumer: `/metrics`, `/startupz`, `/healthz`, `/readyz`, `/jobs`.

It may be reached by strangers, so threads, request size and time are bounded: what goes beyond is refused or cut off.
"""

from __future__ import annotations

import errno
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, cast

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics import exposition as openmetrics

from consumer.errors import ConfigurationError
from consumer.telemetry.health import HealthState

__all__ = ["HealthState", "ProbeServer"]

_log = structlog.get_logger(__name__)

MAX_CONNECTIONS = 16
MAX_REQUEST_BYTES = 16 * 1024
REQUEST_SECONDS = 5.0
STOP_SECONDS = 5.0
TURN_SECONDS = 0.1

Answer = tuple[HTTPStatus, str, bytes]


class Pages:
    """What each path answers."""

    def __init__(
        self, registry: CollectorRegistry, state: HealthState, more: Mapping[str, Callable[[], Any]] | None = None
    ) -> None:
        self._registry, self._state = registry, state
        self._paths: dict[str, Callable[[str], Answer]] = {
            "/metrics": self._metrics,
            "/startupz": self._startupz,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/jobs": self._jobs,
            **{path: _page(value) for path, value in (more or {}).items()},
        }

    def answer(self, path: str, accept: str) -> Answer:
        """Status, content type and body for the path; `accept` is the request's Accept header."""
        page = self._paths.get(path)
        if page is None:
            return _json(HTTPStatus.NOT_FOUND, {"error": f"There is only {', '.join(self._paths)}."})
        return page(accept)

    def _metrics(self, accept: str) -> Answer:
        encode, content_type = choose_encoder(accept)
        if "openmetrics" not in content_type:
            return HTTPStatus.OK, content_type, encode(self._registry)
        # The chosen one may write `vllm_` for vLLM's `vllm:`; no name here needs escaping, for any scraper.
        body = openmetrics.generate_latest(self._registry, escaping=openmetrics.ALLOWUTF8)  # type: ignore[no-untyped-call]
        return HTTPStatus.OK, openmetrics.CONTENT_TYPE_LATEST, body

    def _startupz(self, _: str) -> Answer:
        """Not before the engine's first answers were right; for the time until then nobody is to be killed."""
        start = self._state.start()
        status = "started" if start.over else "starting"
        return _checked(start.over, {"status": status, "seconds": round(start.seconds, 1)})

    def _healthz(self, _: str) -> Answer:
        beats = self._state.beats()
        stalled = [one.name for one in beats if one.late]
        loops = {one.name: {"seconds": round(one.seconds, 1), "limit": one.limit} for one in beats}
        return _checked(not stalled, {"status": "stalled" if stalled else "alive", "stalled": stalled, "loops": loops})

    def _readyz(self, _: str) -> Answer:
        parts = self._state.parts()
        missing = [name for name, ready in parts.items() if not ready]
        status = "not ready" if missing else "ready"
        return _checked(not missing, {"status": status, "missing": missing, "parts": parts})

    def _jobs(self, _: str) -> Answer:
        return _json(HTTPStatus.OK, {"jobs": self._state.jobs()})


class ProbeServer:
    """A small HTTP server in threads of its own.

    Args:
        host: address to listen on (HTTP_HOST).
        port: HTTP_PORT; 0: any free one, to be read from `port` after `start`.
        more: what further paths answer with, as JSON; called in a probe's thread.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        registry: CollectorRegistry,
        state: HealthState,
        more: Mapping[str, Callable[[], Any]] | None = None,
    ) -> None:
        self._host, self._port = host, port
        self._pages = Pages(registry, state, more)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on; before `start` the one that was asked for."""
        return self._server.server_port if self._server is not None else self._port

    def start(self) -> None:
        """Listen and answer.

        Raises:
            ConfigurationError: the address cannot be listened on; the sentence names HTTP_PORT or HTTP_HOST.
        """
        try:
            self._server = _Server(self._host, self._port, self._pages)
        except OSError as error:
            raise ConfigurationError(_sentence(self._host, self._port, error)) from None
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(TURN_SECONDS,), name="probes", daemon=True
        )
        self._thread.start()
        _log.info("probes_listening", host=self._host, port=self.port)

    def stop(self) -> None:
        """Stop listening; may be called twice, or without a start."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        self._port, self._server, self._thread = server.server_port, None, None
        server.shutdown()
        thread.join(STOP_SECONDS)
        server.server_close()


class _Server(HTTPServer):
    """One thread a connection, a fixed number of them, each with a deadline."""

    def __init__(self, host: str, port: int, pages: Pages) -> None:
        self.pages = pages
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._open: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer's own asks the name service for this host's name, which may take seconds and is never used.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        with self._lock:
            self._open[request] = time.monotonic()
        threading.Thread(target=self._serve, args=(request, client_address), name="probe", daemon=True).start()

    def _serve(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except (OSError, TimeoutError) as error:
            _log.debug("probe_cut_off", reason=str(error))
        except Exception:  # noqa: BLE001 - a page's bug is logged, and ends neither the other probes nor the work
            _log.exception("probe_failed")
        finally:
            with self._lock:
                self._open.pop(request, None)
            self.shutdown_request(request)
            self._slots.release()

    def service_actions(self) -> None:
        """Every turn: cut off whoever sends or reads drop by drop, which no single time-out would see."""
        limit = time.monotonic() - REQUEST_SECONDS
        with self._lock:
            late = [request for request, since in self._open.items() if since < limit]
            for request in late:
                del self._open[request]
                _shut(request)


class _Handler(BaseHTTPRequestHandler):
    """One request a connection; GET and HEAD only."""

    server: _Server
    timeout = REQUEST_SECONDS

    def setup(self) -> None:
        super().setup()
        self.rfile = cast(Any, _Bounded(self.rfile, MAX_REQUEST_BYTES))

    def do_GET(self) -> None:
        status, content_type, body = self._answer()
        self.send_response_only(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server asks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's own name
        _log.debug("probe", request=format % args)

    def _answer(self) -> Answer:
        if cast(_Bounded, self.rfile).exhausted:
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            return _json(status, {"error": f"A request may have {MAX_REQUEST_BYTES} bytes."})
        return self.server.pages.answer(self.path.partition("?")[0], self.headers.get("Accept", ""))


class _Bounded:
    """A request's bytes, up to a limit; beyond it the stream seems to have ended."""

    def __init__(self, stream: io.BufferedIOBase, limit: int) -> None:
        self._stream, self._left = stream, limit

    @property
    def exhausted(self) -> bool:
        return self._left <= 0

    def readline(self, size: int) -> bytes:
        line = self._stream.readline(min(size, self._left))
        self._left -= len(line)
        return line

    def close(self) -> None:
        self._stream.close()

    @property
    def closed(self) -> bool:
        return self._stream.closed


def _shut(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        # It ended by itself in this moment.
        _log.debug("probe_gone", reason=str(error))


def _checked(good: bool, value: dict[str, Any]) -> Answer:
    """As probes take it: what is below 400 is good."""
    return _json(HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE, value)


def _page(value: Callable[[], Any]) -> Callable[[str], Answer]:
    return lambda _: _json(HTTPStatus.OK, value())


def _json(status: HTTPStatus, value: Any) -> Answer:
    return status, "application/json", (json.dumps(value) + "\n").encode()


def _sentence(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"The port {port} (HTTP_PORT) is taken by another process; set HTTP_PORT to a free port, or to 0 for any."
        )
    if error.errno == errno.EACCES:
        return f"This process may not listen on port {port} (HTTP_PORT); set HTTP_PORT to one above 1023."
    return f"The address {host} (HTTP_HOST) cannot be listened on: {error.strerror or error}."
