"""`check`: one line for each thing that was tried."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from consumer import __version__
from consumer.cli.main import main
from consumer.client import UploadError, store
from consumer.inference import factory
from consumer.inference.engine import Generation, GenerationRequest
from consumer.inference.synthetic import SyntheticEngine
from consumer.settings import Settings
from consumer.stream import admin, cluster, rights
from consumer.stream.admin import TopicFinding
from consumer.stream.unavailable import KafkaUnavailableError
from tests.media.web_server import serving
from tests.unit.client.s3_server import nobody, standing


class UpCluster:
    """Two brokers."""

    def __init__(self, settings: Settings) -> None:
        """Connects to nothing."""

    def __enter__(self) -> UpCluster:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    def brokers(self) -> int:
        return 2


class DownCluster(UpCluster):
    def brokers(self) -> int:
        raise KafkaUnavailableError("Kafka did not answer; check that it runs.")


class Bucket:
    """One that is there."""

    name, endpoint = "videos", "store:9000"

    def __init__(self, settings: Settings) -> None:
        """Connects to nothing."""

    def check(self) -> None:
        """All is well."""


REAL_BUCKET = store.Bucket
TOPICS = [TopicFinding("video.jobs", True, "fine", 16), TopicFinding("video.results", True, "fine", 16)]


@pytest.fixture(autouse=True)
def all_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "Cluster", UpCluster)
    monkeypatch.setattr(admin, "check_topics", lambda settings: TOPICS)
    for question in ("require_group", "require_transactions"):
        monkeypatch.setattr(rights, question, lambda settings: None)
    monkeypatch.setattr(store, "Bucket", Bucket)
    monkeypatch.setenv("ENGINE", "synthetic")


Check = Callable[..., tuple[int, dict[str, str]]]


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    """Calls the command; its exit code and, by name, its lines (of equal names the last)."""

    def call(*arguments: str) -> tuple[int, dict[str, str]]:
        code = main(["check", *arguments])
        captured = capsys.readouterr()
        assert captured.err == ""
        lines = [line.split(maxsplit=2) for line in captured.out.splitlines()]
        return code, {name: f"{mark} {message}" for mark, name, message in lines}

    return call


def test_when_all_is_well_each_thing_has_its_line(check: Check) -> None:
    code, lines = check()
    assert code == 0
    assert list(lines) == ["settings", "broker", "topics", "group", "registry", "bucket", "engine"]
    assert lines["settings"].startswith("ok read config.yaml, environment and options: All are valid")
    assert lines["broker"] == "ok asked Kafka at localhost:9092: 2 brokers up."
    assert lines["topics"].endswith("video.jobs (16), video.results (16).")
    assert lines["registry"].startswith("- asked SCHEMA_REGISTRY_URL for its subjects: Not needed")
    assert lines["bucket"] == "ok asked Amazon for the bucket videos: The bucket videos at store:9000 is there."


def test_wrong_settings_are_the_only_line(check: Check) -> None:
    code, lines = check("--set", "http_port=99999")
    assert code == 1
    assert list(lines) == ["settings"]
    assert "HTTP_PORT" in lines["settings"]


def test_a_variable_that_is_nearly_a_setting_has_a_line(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHUNK_DURATON", "30")
    code, lines = check()
    assert code == 0
    assert lines["settings"] == (
        "- read config.yaml, environment and options: The variable CHUNK_DURATON is no setting, and of no effect. "
        "To do: Name it CHUNK_DURATION, if that was meant."
    )


def test_without_a_broker_the_topics_are_not_tried(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "Cluster", DownCluster)
    code, lines = check()
    assert code == 1
    assert lines["broker"] == ("FAILED asked Kafka at localhost:9092: Kafka did not answer. To do: Check that it runs.")
    assert lines["topics"] == (
        "- looked at the topics video...: Not tried, because no broker answered. To do: Mend the broker's line first."
    )
    assert lines["bucket"].startswith("ok")


def test_what_is_wrong_with_topics_is_told(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = TopicFinding("video.results", False, "The topic video.results does not exist; make it.")
    monkeypatch.setattr(admin, "check_topics", lambda settings: [TOPICS[0], wrong])
    code, lines = check()
    assert code == 1
    assert lines["topics"] == (
        "FAILED looked at the topics video...: The topic video.results does not exist. To do: Make it."
    )


def test_a_bucket_that_cannot_be_used_is_told(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(Bucket):
        def check(self) -> None:
            raise UploadError("The store refused.")

    monkeypatch.setattr(store, "Bucket", Refusing)
    # Of a sentence that says nothing to do, the rest of the line does.
    assert check()[1]["bucket"] == (
        "FAILED asked Amazon for the bucket videos: The store refused. To do: Mend what it names; "
        "`video-consumer settings` lists what is set."
    )


def test_a_real_store_is_asked(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "Bucket", REAL_BUCKET)
    with standing() as stand:
        settings = ["--s3-endpoint", stand.endpoint, "--set", "s3_secure=false", "--set", "s3_region=here"]
        assert check(*settings)[1]["bucket"].endswith(f": The bucket videos at {stand.endpoint} is there.")


def test_the_registry_is_asked_where_one_is_named(check: Check) -> None:
    with serving() as web:
        web.put("/subjects", b"[]")
        address = web.base.replace("//", "//user:hidden@")
        _, lines = check("--schema-registry-url", address)
        assert lines["registry"].startswith(
            "ok asked SCHEMA_REGISTRY_URL for its subjects: The registry at http://********@"
        )
        _, lines = check("--schema-registry-url", f"{address}/elsewhere/")
        assert lines["registry"].endswith(
            "(SCHEMA_REGISTRY_URL) answers with HTTP 404. To do: Check the path of SCHEMA_REGISTRY_URL."
        )
        assert "hidden" not in str(lines)


def test_a_registry_that_does_not_answer_is_told(check: Check) -> None:
    with nobody() as address:
        code, lines = check("--schema-registry-url", f"http://{address}")
    assert code == 1
    assert f": The registry at http://{address} (SCHEMA_REGISTRY_URL) does not answer" in lines["registry"]
    assert lines["registry"].endswith(" To do: Check the address, and that the registry runs.")


def test_a_registry_that_is_needed_and_not_named_is_told(check: Check) -> None:
    code, lines = check("--event-format", "avro-registry")
    assert code == 1
    assert lines["registry"].endswith(
        ": EVENT_FORMAT is avro-registry, but SCHEMA_REGISTRY_URL is empty. "
        "To do: Set SCHEMA_REGISTRY_URL, or another EVENT_FORMAT."
    )


def test_the_engine_s_model_is_looked_for(check: Check, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")

    def engine(model: str) -> str:
        line = check("--quick", "--engine", "vllm", "--model-name", model)[1]["engine"]
        assert f" looked for vllm and {model}: " in line
        return line.replace(f"looked for vllm and {model}: ", "")

    to_do = "To do: Set MODEL_NAME to the directory of a model, or to its name on the hub."
    assert engine(f"{tmp_path}/model") == f"ok vllm is installed, and the model's directory {tmp_path}/model is there."
    assert engine(f"{tmp_path}/empty") == (
        f"FAILED The directory {tmp_path}/empty (MODEL_NAME) holds no config.json, so it is no model. {to_do}"
    )
    assert engine(f"{tmp_path}/none") == f"FAILED There is no directory {tmp_path}/none (MODEL_NAME). {to_do}"
    held = check("--quick", "--engine", "vllm", "--set", "engine_args.dtype=half")[1]["engine"]
    assert ": ENGINE_ARGS may not hold dtype: set DTYPE instead. To do: " in held
    assert engine("some/model") == "ok vllm is installed; the model some/model comes from the hub, which was not asked."


def test_the_engine_is_started_asked_and_stopped(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = []

    class Stopping(SyntheticEngine):
        async def stop(self) -> None:
            stopped.append(self.info.engine)
            await super().stop()

    monkeypatch.setattr(factory, "make_engine", Stopping.from_settings)
    code, lines = check()
    assert code == 0
    assert lines["engine"].startswith(
        "ok started the synthetic engine, asked about two clips: "
        f"synthetic {__version__} with synthetic: 2 marker clips in flight were answered"
    )
    assert stopped == ["synthetic"]
    assert check("--quick")[1]["engine"].startswith("ok looked for the synthetic engine: ENGINE is synthetic")
    assert len(stopped) == 1


def test_an_engine_that_answers_wrong_is_told(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf(SyntheticEngine):
        async def generate(self, request: GenerationRequest) -> Generation:
            return replace(await super().generate(request), text="")

    monkeypatch.setattr(factory, "make_engine", Deaf.from_settings)
    code, lines = check()
    assert code == 1
    assert ": The engine answers all marker clips with empty texts" in lines["engine"]


def test_a_missing_package_is_told(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "vllm" else found(name, *rest))
    code, lines = check("--engine", "vllm")
    assert code == 1
    assert lines["engine"].endswith(
        ": ENGINE is vllm, but the package vllm is not installed. "
        "To do: Install video-consumer[gpu] or video-consumer[cpu]."
    )


def test_a_program_may_read_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)
    assert [finding["name"] for finding in findings][:2] == ["settings", "broker"]
    assert findings[1] == {
        "name": "broker",
        "ok": True,
        "tried": "asked Kafka at localhost:9092",
        "found": "2 brokers up.",
        "to_do": None,
    }


def test_what_failed_says_what_to_do_to_a_program_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "Cluster", DownCluster)
    assert main(["check", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)
    assert (findings[1]["found"], findings[1]["to_do"]) == ("Kafka did not answer.", "Check that it runs.")
    assert all(finding["to_do"] for finding in findings if finding["ok"] is False)


def test_a_flag_that_there_is_not_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--fast"]) == 2
    assert capsys.readouterr().err.startswith("video-consumer check: No such option '--fast'")
