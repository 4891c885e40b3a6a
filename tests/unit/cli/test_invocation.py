"""The shared options: where they may stand, and which settings follow."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from consumer.cli.invocation import COMMON_SETTINGS, assigned
from consumer.cli.main import main
from consumer.errors import ConfigurationError
from consumer.settings import Settings


def settings_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, object]]:
    assert main([*arguments, "--json"] if "settings" in arguments else [*arguments, "settings", "--json"]) == 0
    found: dict[str, dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_the_common_options_are_settings() -> None:
    assert set(COMMON_SETTINGS) <= set(Settings.model_fields)


def test_options_may_stand_before_and_behind_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    before = settings_of(capsys, "--engine", "synthetic", "--set", "MAX_ATTEMPTS=7", "settings")
    behind = settings_of(capsys, "settings", "--engine", "synthetic", "--set", "max_attempts=7")
    for found in (before, behind):
        assert found["ENGINE"] == {"value": "synthetic", "origin": "command line"}
        assert found["MAX_ATTEMPTS"] == {"value": 7, "origin": "command line"}
        assert found["MAX_MODEL_LEN"]["origin"] == "default"


def test_nested_commands_take_the_options_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topics", "check", "--set", "topic_partitions=none"]) == 4
    assert "TOPIC_PARTITIONS (from command line)" in capsys.readouterr().err


def test_config_yaml_of_the_working_directory_is_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("max_attempts: 9\n")
    assert settings_of(capsys, "settings")["MAX_ATTEMPTS"] == {"value": 9, "origin": "config.yaml"}


def test_another_config_file_takes_its_place(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("max_attempts: 9\n")
    (tmp_path / "other.yaml").write_text("max_concurrent_jobs: 2\n")
    found = settings_of(capsys, "settings", "--config", "other.yaml")
    assert found["MAX_ATTEMPTS"]["value"] == 3
    assert found["MAX_CONCURRENT_JOBS"] == {"value": 2, "origin": "other.yaml"}


def test_the_command_line_wins_over_environment_and_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.yaml").write_text("max_attempts: 9\nlog_level: DEBUG\ns3_bucket: a\n")
    monkeypatch.setenv("MAX_ATTEMPTS", "8")
    monkeypatch.setenv("S3_BUCKET", "b")
    found = settings_of(capsys, "settings", "--set", "max_attempts=7")
    assert (found["MAX_ATTEMPTS"]["value"], found["S3_BUCKET"]["value"]) == (7, "b")
    assert found["LOG_LEVEL"]["value"] == "DEBUG"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--config", "none.yaml"], ["none.yaml"]),
        (["--set", "s3_enpoint=x"], ["There is no setting S3_ENPOINT; did you mean S3_ENDPOINT?"]),
        (["--set", "zzz=x"], ["There is no setting ZZZ; `video-consumer settings` lists all."]),
        (["--event-format", "xml"], ["EVENT_FORMAT (from command line)"]),
        (["--set", "http_port=99999"], ["HTTP_PORT (from command line)"]),
    ],
)
def test_wrong_settings_are_named_and_end_with_4(
    capsys: pytest.CaptureFixture[str], arguments: list[str], parts: list[str]
) -> None:
    assert main(["settings", *arguments]) == 4
    captured = capsys.readouterr()
    assert all(part in captured.err for part in parts)
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_an_unknown_config_key_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("max_atempts: 9\n")
    assert main(["settings"]) == 4
    error = capsys.readouterr().err
    assert "max_atempts" in error
    assert "max_attempts" in error.lower().replace("max_atempts", "")


def test_settings_for_librdkafka_pass_through() -> None:
    assert assigned(["KAFKA_CONSUMER_FETCH_MIN_BYTES=5", "kafka_producer.linger.ms=1", "kafka_group_id=g"]) == {
        "kafka_consumer": {"fetch.min.bytes": "5"},
        "kafka_producer": {"linger.ms": "1"},
        "kafka_group_id": "g",
    }


def test_settings_for_vllm_pass_through_as_yaml() -> None:
    given = [
        "ENGINE_ARGS={seed: 1}",
        "engine_args.seed=2",
        "ENGINE_ARGS_ENABLE_LORA=true",
        "engine_args_load_format=dummy",
    ]
    assert assigned(given) == {"engine_args": {"seed": 2, "enable_lora": True, "load_format": "dummy"}}


def test_a_value_may_hold_an_equals_sign() -> None:
    assert assigned(["s3_secret_key=a=b="]) == {"s3_secret_key": "a=b="}


@pytest.mark.parametrize("text", ["x", "=x", ""])
def test_an_assignment_needs_name_and_value(text: str) -> None:
    with pytest.raises(click.UsageError, match="NAME=VALUE"):
        assigned([text])


@pytest.mark.parametrize("text", ["kafka_consumer=x", "engine_args=x", "kafka_consumerx=1", "model_fields=1"])
def test_what_is_no_setting_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        assigned([text])
