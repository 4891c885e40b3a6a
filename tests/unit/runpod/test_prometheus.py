from __future__ import annotations

import re
import socket
from collections.abc import Callable

import httpx
import pytest

from consumer.runpod.prometheus import Measures, Prometheus, PrometheusError, queries
from consumer.telemetry.metrics import Metrics


def _meter(answer: Callable[[str], httpx.Response], monkeypatch: pytest.MonkeyPatch) -> Prometheus:
    """A Prometheus that answers a query so."""
    client = httpx.Client(transport=httpx.MockTransport(lambda request: answer(request.url.params["query"])))
    monkeypatch.setattr(httpx, "Client", lambda **_: client)
    return Prometheus("http://prometheus:9090/", 'job="films"')


def _vector(*values: str) -> httpx.Response:
    samples = [{"metric": {}, "value": [1795680000.0, value]} for value in values]
    return httpx.Response(200, json={"status": "success", "data": {"resultType": "vector", "result": samples}})


def test_four_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = queries('job="films"')
    numbers = dict(zip(asked.values(), ["120.5", "2", "600", "12.5"], strict=True))
    with _meter(lambda query: _vector(numbers[query]), monkeypatch) as meter:
        assert meter.measures() == Measures(120.5, 2.0, 600.0, 12.5)


@pytest.mark.parametrize("values", [(), ("NaN",), ("+Inf",)])
def test_nothing_measured_is_no_number(values: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    assert _meter(lambda _: _vector(*values), monkeypatch).measures() == Measures()


def test_a_speed_of_nothing_is_no_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _meter(lambda _: _vector("0"), monkeypatch).measures() == Measures(job_seconds=0.0)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(422, json={"status": "error"}), "it answered with 422"),
        (httpx.Response(200, text="<html>"), "its answer is no vector of numbers"),
        (_vector("much"), "its answer is no vector of numbers"),
    ],
)
def test_one_sentence_says_what_is_wrong(answer: httpx.Response, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PrometheusError, match=rf"^Prometheus \(PROMETHEUS_URL\) gives no figures: {reason}\.$"):
        _meter(lambda _: answer, monkeypatch).measures()


def test_a_prometheus_that_is_away() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        meter = Prometheus(f"http://127.0.0.1:{closed.getsockname()[1]}")
        with meter, pytest.raises(PrometheusError, match="the request ended with ConnectError"):
            meter.measures()


def test_only_metrics_that_there_are_and_only_the_chosen_workers() -> None:
    there = {sample.name for family in Metrics().registry.collect() for sample in family.samples}
    for query in queries('job="films"').values():
        names = re.findall(r"(video_consumer_\w+)(\{[^}]*\})", query)
        assert names
        assert {name for name, _ in names} <= there
        assert {matchers for _, matchers in names} == {'{job="films"}'}
