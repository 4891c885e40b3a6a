"""The probes over a real socket, with the requests that scrapers, orchestrators and strangers make."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import CollectorRegistry, Gauge

from consumer.errors import ConfigurationError
from consumer.settings import Settings
from consumer.telemetry import probes
from consumer.telemetry.health import HealthState
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.probes import Pages, ProbeServer


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(clock: Clock) -> HealthState:
    return HealthState(clock)


@pytest.fixture
def server(state: HealthState) -> Iterator[ProbeServer]:
    server = ProbeServer("127.0.0.1", 0, registry=Metrics().registry, state=state)
    server.start()
    yield server
    server.stop()


def get(server: ProbeServer, path: str, **kwargs: Any) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{server.port}{path}", timeout=5, trust_env=False, **kwargs)


def raw(server: ProbeServer, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(data)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def test_metrics_in_both_formats(server: ProbeServer) -> None:
    plain = get(server, "/metrics")
    assert plain.headers["content-type"].startswith("text/plain")
    assert "video_consumer_chunks_total" in plain.text and "process_resident_memory_bytes" in plain.text
    new = get(server, "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert new.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert new.text.endswith("# EOF\n")


@pytest.mark.parametrize(
    "accept",
    [
        "text/plain;version=0.0.4",
        # Prometheus 2, and 3.
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;q=0.5",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;q=0.4",
    ],
)
def test_vllm_s_names_come_as_they_are(state: HealthState, accept: str) -> None:
    registry = CollectorRegistry()
    Gauge("vllm:num_requests_running", "Running.", ["engine"], registry=registry).labels(engine="0").set(2)
    _, _, body = Pages(registry, state).answer("/metrics", accept)
    assert 'vllm:num_requests_running{engine="0"} 2.0' in body.decode().splitlines()


def test_healthz_names_what_stands_still(server: ProbeServer, state: HealthState, clock: Clock) -> None:
    state.expect("stream", 10.0)
    state.expect("jobs", 60.0)
    answer = get(server, "/healthz")
    assert (answer.status_code, answer.json()["status"], answer.json()["stalled"]) == (200, "alive", [])
    clock.now = 11.5
    answer = get(server, "/healthz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "stalled",
        "stalled": ["stream"],
        "loops": {"jobs": {"seconds": 11.5, "limit": 60.0}, "stream": {"seconds": 11.5, "limit": 10.0}},
    }


def test_startupz_waits_for_the_model_and_then_no_more(server: ProbeServer, state: HealthState, clock: Clock) -> None:
    clock.now = 90.0
    answer = get(server, "/startupz")
    assert (answer.status_code, answer.json()) == (503, {"status": "starting", "seconds": 90.0})
    # A model that loads is no loop that stands still.
    assert get(server, "/healthz").status_code == 200
    state.set_started()
    clock.now = 200.0
    answer = get(server, "/startupz")
    assert (answer.status_code, answer.json()) == (200, {"status": "started", "seconds": 90.0})


def test_readyz_names_what_is_missing(server: ProbeServer, state: HealthState) -> None:
    state.set_ready("engine", False)
    state.set_ready("assignment", True)
    answer = get(server, "/readyz")
    assert (answer.status_code, answer.json()) == (
        503,
        {"status": "not ready", "missing": ["engine"], "parts": {"assignment": True, "engine": False}},
    )
    state.set_ready("engine", True)
    assert get(server, "/readyz").status_code == 200


def test_jobs(server: ProbeServer, state: HealthState) -> None:
    assert get(server, "/jobs").json() == {"jobs": []}
    state.set_jobs(lambda: [{"job_id": "a", "chunks_done": 3}])
    assert get(server, "/jobs").json() == {"jobs": [{"job_id": "a", "chunks_done": 3}]}


def test_other_paths_and_methods_are_told_what_there_is(server: ProbeServer) -> None:
    answer = get(server, "/")
    assert answer.status_code == 404 and "/metrics" in answer.json()["error"]
    assert get(server, "/healthz?verbose=1").status_code == 200
    assert raw(server, b"POST /jobs HTTP/1.0\r\n\r\n").split()[1] == b"501"
    head = raw(server, b"HEAD /healthz HTTP/1.0\r\n\r\n")
    assert b" 200 " in head and head.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("data", [b"\x00\xff\x16\x03\x01garbage\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"])
def test_garbage_gets_an_error_and_the_next_request_its_answer(server: ProbeServer, data: bytes) -> None:
    assert not raw(server, data).startswith(b"HTTP/1.0 200")
    assert get(server, "/healthz").status_code == 200


def test_a_request_that_is_too_large_is_refused(server: ProbeServer) -> None:
    headers = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 1000) for number in range(20))
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\n" + headers)
        assert connection.recv(1000).split()[1] == b"431"
    assert get(server, "/healthz").status_code == 200


def test_a_client_that_sends_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch, server: ProbeServer) -> None:
    monkeypatch.setattr(probes, "REQUEST_SECONDS", 0.05)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b"GET /hea")
        assert connection.recv(100) == b""


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch, state: HealthState) -> None:
    monkeypatch.setattr(probes, "MAX_CONNECTIONS", 2)
    server = ProbeServer("127.0.0.1", 0, registry=Metrics().registry, state=state)
    server.start()
    try:
        idle = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(2)]
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as third:
            assert third.recv(100) == b""
        for connection in idle:
            connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert b" 200 " in connection.recv(100)
            connection.close()
    finally:
        server.stop()


def test_a_page_that_fails_is_logged_and_does_not_stop_the_server(server: ProbeServer, state: HealthState) -> None:
    def broken() -> list[dict[str, Any]]:
        raise RuntimeError("no jobs")

    state.set_jobs(broken)
    with pytest.raises(httpx.RemoteProtocolError):
        get(server, "/jobs")
    assert get(server, "/healthz").status_code == 200


def test_a_taken_port_names_the_setting(server: ProbeServer, state: HealthState) -> None:
    other = ProbeServer("127.0.0.1", server.port, registry=Metrics().registry, state=state)
    with pytest.raises(ConfigurationError, match=rf"{server.port} \(HTTP_PORT\)"):
        other.start()
    other.stop()


def test_an_address_that_is_not_ours_names_the_setting(state: HealthState) -> None:
    with pytest.raises(ConfigurationError, match="HTTP_HOST"):
        ProbeServer("192.0.2.1", 0, registry=Metrics().registry, state=state).start()


def test_stopped_the_port_is_free_again(state: HealthState) -> None:
    first = ProbeServer("127.0.0.1", 0, registry=Metrics().registry, state=state)
    first.start()
    first.stop()
    first.stop()
    second = ProbeServer("127.0.0.1", first.port, registry=Metrics().registry, state=state)
    second.start()
    try:
        assert json.loads(get(second, "/healthz").text)["status"] == "alive"
    finally:
        second.stop()


def test_kubernetes_asks_for_pages_that_there_are_and_gives_chunks_their_time(server: ProbeServer) -> None:
    text = (Path(__file__).parents[2] / "deploy" / "kubernetes" / "deployment.yaml").read_text(encoding="utf-8")
    pod = yaml.safe_load(text)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (port,) = container["ports"]
    assert port["containerPort"] == Settings().http_port
    probes = {name: probe["httpGet"] for name, probe in container.items() if name.endswith("Probe")}
    assert {probe["port"] for probe in probes.values()} == {port["name"]}
    paths = {name.removesuffix("Probe"): probe["path"] for name, probe in probes.items()}
    assert paths == {"startup": "/startupz", "liveness": "/healthz", "readiness": "/readyz"}
    assert {get(server, path).status_code for path in paths.values()} == {200, 503}
    assert pod["terminationGracePeriodSeconds"] > Settings().shutdown_grace_seconds
