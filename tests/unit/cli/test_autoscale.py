"""`autoscale` as a user calls it, against the stand-in of RunPod's API."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from consumer.cli.main import main
from consumer.runpod.rounds import Stopping, rounds
from consumer.settings import Settings
from consumer.stream import group_view
from consumer.stream.group_view import GroupView
from consumer.stream.unavailable import KafkaUnavailableError
from tests.runpod_server import RunpodServer, problem

OPTIONS = "autoscale --fleet films --image you/it:1 --max-pods 3 --max-hourly 1 --job-seconds 3600 --speed 10 --start 0"


class _Watch:
    """A group with three jobs and nobody who does them."""

    def __init__(self, settings: Settings) -> None:
        assert settings.kafka_group_id == "video-consumer"

    def __enter__(self) -> _Watch:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def view(self) -> GroupView:
        return GroupView({0: 2, 1: 1})


@pytest.fixture
def runpod(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunpodServer]:
    with RunpodServer() as server:
        monkeypatch.setenv("RUNPOD_API_KEY", server.cloud.key)
        monkeypatch.setenv("RUNPOD_API_URL", server.url)
        monkeypatch.setattr(group_view, "GroupWatch", _Watch)
        yield server


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _told(errors: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in errors.splitlines()]


def test_one_round(runpod: RunpodServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*OPTIONS.split(), "--target", "1080", "--once", "--kafka-bootstrap-servers", "kafka:9092"]) == 0
    assert [pod["name"].startswith("films-") for pod in runpod.cloud.pods.values()] == [True]
    assert next(iter(runpod.cloud.pods.values()))["env"]["KAFKA_BOOTSTRAP_SERVERS"] == "kafka:9092"
    output = capsys.readouterr()
    (fleet,) = [line for line in _told(output.err) if line["event"] == "fleet"]
    told = (fleet["jobs"], fleet["backlog_video_seconds"], fleet["wanted"], fleet["create"], fleet["starting"])
    assert told == (3, 10800, 1, 1, 0)
    assert (output.out, runpod.cloud.key in output.err) == ("", False)


def test_a_dry_run(runpod: RunpodServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*OPTIONS.split(), "--once", "--dry-run"]) == 0
    assert runpod.cloud.pods == {}
    assert _told(capsys.readouterr().err)[-1]["create"] == 1


def test_once_fails_when_runpod_does_not_answer(
    runpod: RunpodServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Stopping, "wait", lambda *_: None)
    runpod.cloud.answers.extend([problem(503, "down")] * 4)
    assert main([*OPTIONS.split(), "--once"]) == 1
    assert _told(capsys.readouterr().err)[-1]["event"] == "fleet_unknown"


def test_without_kafka_it_goes_on(
    runpod: RunpodServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(_: _Watch) -> GroupView:
        raise KafkaUnavailableError("Kafka at kafka:9092 did not answer.")

    monkeypatch.setattr(_Watch, "view", away)
    assert main([*OPTIONS.split(), "--once"]) == 0
    assert [line["event"] for line in _told(capsys.readouterr().err)] == ["backlog_unknown", "fleet"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("autoscale --image i --max-pods 1", "--max-hourly"),
        ("autoscale --image i --max-hourly 1", "--max-pods"),
        (f"{OPTIONS} --min-pods 4", "--min-pods must not be above --max-pods"),
        (f"{OPTIONS} --target 0", "--target"),
    ],
)
@pytest.mark.usefixtures("runpod")
def test_a_ceiling_must_be_given(arguments: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments.split()) == 2
    assert sentence in capsys.readouterr().err


def test_its_pages_between_two_rounds(
    runpod: RunpodServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HTTP_PORT", "0")
    monkeypatch.setenv("HTTP_HOST", "127.0.0.1")
    pages: dict[str, str] = {}
    rounds_waited = 0

    def wait(stopping: Stopping, _: float) -> None:
        nonlocal rounds_waited
        rounds_waited += 1
        runpod.cloud.run()
        if rounds_waited < 2:
            return
        (port,) = [line["port"] for line in _told(capsys.readouterr().err) if line["event"] == "probes_listening"]
        for path in ("metrics", "targets", "healthz", "readyz"):
            pages[path] = httpx.get(f"http://127.0.0.1:{port}/{path}", timeout=5, trust_env=False).text
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Stopping, "wait", wait)
    assert main([*OPTIONS.split(), "--global-networking"]) == 0
    assert 'video_consumer_fleet_pods{state="starting"} ' in pages["metrics"]
    assert "video_consumer_fleet_backlog_jobs 3.0" in pages["metrics"]
    found = [one["labels"]["instance"] for one in json.loads(pages["targets"])]
    assert sorted(found) == runpod.cloud.names()[: len(found)] != []
    alive = json.loads(pages["healthz"])
    assert (alive["status"], alive["stalled"], list(alive["loops"])) == ("alive", [], ["rounds"])
    assert json.loads(pages["readyz"])["status"] == "ready"


def test_sigterm_ends_it_between_two_rounds() -> None:
    stopping = Stopping()
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        if count == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    rounds(step, 0.0, stopping)
    assert (count, stopping.now) == (3, True)
    # Waiting, for a retry say, is over at once.
    stopping.wait(3600)
