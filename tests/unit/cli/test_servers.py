"""The commands that only hand over: `run`, `serve`, `demo` and `topics`."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import consumer.demo.run
import consumer.runpod.server
import consumer.worker
from consumer.cli.main import main
from consumer.demo.run import Plan
from consumer.runpod.server import LocalAddress
from consumer.settings import Settings
from consumer.stream import admin
from consumer.stream.admin import TopicFinding


@pytest.fixture
def signals() -> Iterator[None]:
    """`run` takes them over for its process, which here is the tests'."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("code", [0, 3])
def test_run_is_the_worker_with_these_settings(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    seen: list[Settings] = []

    def run_worker(settings: Settings) -> int:
        seen.append(settings)
        return code

    monkeypatch.setattr(consumer.worker, "run_worker", run_worker)
    assert main(["run", "--engine", "synthetic", "--set", "max_attempts=7"]) == code
    assert [(settings.engine, settings.max_attempts) for settings in seen] == [("synthetic", 7)]


@pytest.mark.usefixtures("signals")
def test_run_tells_of_a_variable_that_is_nearly_a_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVER", "broker:9092")
    monkeypatch.setattr(consumer.worker, "run_worker", lambda settings: 0)
    assert main(["run", "--engine", "synthetic"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["variable"]) == ("setting_unknown", "KAFKA_BOOTSTRAP_SERVER")
    assert told["did_you_mean"] == "KAFKA_BOOTSTRAP_SERVERS"


@pytest.mark.usefixtures("signals")
def test_on_a_serverless_worker_run_is_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[LocalAddress | None] = []

    def serve(_: Settings, local: LocalAddress | None) -> int:
        seen.append(local)
        return 0

    monkeypatch.setenv("RUNPOD_WEBHOOK_GET_JOB", "https://queue")
    monkeypatch.setattr(consumer.worker, "run_worker", lambda settings: pytest.fail("it took jobs from Kafka"))
    monkeypatch.setattr(consumer.runpod.server, "serve", serve)
    assert main(["run", "--engine", "synthetic"]) == 0
    assert seen == [None]


@pytest.mark.usefixtures("signals")
def test_run_does_not_start_on_wrong_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHUNK_DURATION", "long")
    monkeypatch.setattr(consumer.worker, "run_worker", lambda settings: pytest.fail("it started"))
    assert main(["run"]) == 4
    assert "CHUNK_DURATION (from environment)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "address"),
    [
        ([], None),
        (["--local"], LocalAddress("localhost", 8000)),
        (["--local", "--host", "0.0.0.0", "--port", "8001"], LocalAddress("0.0.0.0", 8001)),  # noqa: S104 - never bound
    ],
)
def test_serve_listens_only_when_told(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], address: LocalAddress | None
) -> None:
    seen: list[LocalAddress | None] = []

    def serve(settings: Settings, local: LocalAddress | None) -> int:
        seen.append(local)
        return 0

    if address is None:
        monkeypatch.setenv("RUNPOD_WEBHOOK_GET_JOB", "https://queue")
    monkeypatch.setattr(consumer.runpod.server, "serve", serve)
    assert main(["serve", *arguments]) == 0
    assert seen == [address]


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("", "this is no serverless worker of RunPod (RUNPOD_WEBHOOK_GET_JOB is not set); add --local"),
        ("--port 8001", "--port belongs to --local"),
        ("--host 0.0.0.0", "--host belongs to --local"),
    ],
)
def test_serve_starts_no_engine_where_no_request_can_come(
    option: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *option.split()]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--video nowhere.mp4", "--video: there is no file nowhere.mp4"),
        ("--video ..", "--video: there is no file"),
        ("--report page.pdf", "--report: the report is a page; give FILE.html, not page.pdf"),
        ("--report nowhere/page.html", "--report: there is no directory nowhere"),
        (f"--report {'a' * 300}.html", "--report: no file can be called aaa"),
        (f"--video {'a' * 300}", "--video: there is no file aaa"),
    ],
)
def test_the_demo_refuses_files_that_will_not_do_before_anything_is_started(
    option: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", *option.split()]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.out == ""


def test_the_demo_runs_as_planned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[Plan] = []

    def run_demo(plan: Plan, show: object, check: object) -> int:
        seen.append(plan)
        return 1

    monkeypatch.setattr(consumer.demo.run, "run_demo", run_demo)
    assert main(["demo", "--seed", "7", "--seconds", "30"]) == 1
    mine = tmp_path / "mine.mp4"
    mine.touch()
    assert main(["demo", "--video", str(mine), "--report", "page.html", "--debug"]) == 1
    assert seen[0] == Plan(7, 30)
    assert seen[1] == Plan(seen[1].seed, 120, mine, Path("page.html"), True)


@pytest.mark.parametrize(("command", "function"), [("create", "create_topics"), ("check", "check_topics")])
def test_topics_tells_what_is_wrong_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, function: str
) -> None:
    findings = [TopicFinding("a", True, "The topic a is fine."), TopicFinding("b", False, "The topic b is not.")]
    monkeypatch.setattr(admin, function, lambda settings: findings)
    assert main(["topics", command]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("The topic a is fine.\n", "The topic b is not.\n")
    findings.pop()
    assert main(["topics", command]) == 0
