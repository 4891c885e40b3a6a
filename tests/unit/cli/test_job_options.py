"""The options of a job are the fields of a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from consumer.cli.job_options import HELP, NO_OPTIONS, build_job, job_options
from consumer.cli.main import main
from consumer.events.models import DEFAULT_PROMPT, VideoJob

JOB = {"job_id": "j", "video_url": "s3://b/k"}


@click.command()
@job_options
def probe(**fields: Any) -> dict[str, Any]:
    return fields


def parsed(*arguments: str) -> VideoJob:
    fields = probe.main(list(arguments), standalone_mode=False)
    return build_job(JOB | {name: value for name, value in fields.items() if value is not None})


def test_every_field_has_an_option_and_a_sentence() -> None:
    fields = [name for name in VideoJob.model_fields if name not in NO_OPTIONS]
    assert list(HELP) == fields
    assert [parameter.name for parameter in probe.params] == fields


def test_nothing_given_is_the_models_default() -> None:
    assert parsed() == VideoJob(**JOB, prompt=DEFAULT_PROMPT)


def test_every_option_reaches_its_field() -> None:
    job = parsed(
        *("--prompt", "p", "--system-prompt", "s", "--max-tokens", "5", "--temperature", "0.1", "--top-p", "0.2"),
        *("--top-k", "3", "--presence-penalty", "0.4", "--seed", "9", "--chunk-duration", "10", "--chunk-overlap", "1"),
        *("--fps", "1.5", "--max-frames-per-chunk", "8", "--keyframes-only", "--max-vision-tokens", "99"),
        *("--start-time", "1", "--end-time", "2", "--no-aggregate", "--aggregation-prompt", "a"),
        *("--response-schema", "{}", "--deadline", "2026-01-31T12:00:00Z", "--metadata", "a=b=c", "--metadata", "d="),
    )
    assert job.model_dump(exclude=set(NO_OPTIONS)) == JOB | {
        "video_path": None,
        "prompt": "p",
        "system_prompt": "s",
        "max_tokens": 5,
        "temperature": 0.1,
        "top_p": 0.2,
        "top_k": 3,
        "presence_penalty": 0.4,
        "seed": 9,
        "chunk_duration": 10.0,
        "chunk_overlap": 1.0,
        "fps": 1.5,
        "max_frames_per_chunk": 8,
        "keyframes_only": True,
        "max_vision_tokens": 99,
        "start_time": 1.0,
        "end_time": 2.0,
        "aggregate": False,
        "aggregation_prompt": "a",
        "response_schema": "{}",
        "deadline": 1_769_860_800_000,
        "metadata": {"a": "b=c", "d": ""},
    }


def test_null_is_none_for_numbers_and_a_word_for_texts() -> None:
    job = parsed("--fps", "null", "--prompt", "null", "--deadline", "1769860800000")
    assert (job.fps, job.prompt, job.deadline) == (None, "null", 1_769_860_800_000)


def test_a_schema_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    assert parsed("--response-schema", f"@{tmp_path}/schema.json").response_schema == '{"type": "object"}'


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--max-tokens", "0"], ["--max-tokens: ", "greater than or equal to 1", "(given: '0')"]),
        (["--max-tokens", "many"], ["--max-tokens: ", "integer"]),
        (["--temperature", "nan"], ["--temperature: "]),
        (["--fps", "0"], ["--fps: "]),
        (["--deadline", "tomorrow"], ["--deadline: ", "RFC 3339"]),
        (["--response-schema", "[1]"], ["--response-schema: ", "JSON object"]),
        (["--response-schema", "@none.json"], ["--response-schema: none.json cannot be read"]),
        (["--metadata", "x"], ["--metadata takes KEY=VALUE, not 'x'"]),
        (["--start-time", "5", "--end-time", "3"], ["end_time must be after start_time"]),
        (["--chunk-duration", "5", "--chunk-overlap", "5"], ["chunk_overlap must be shorter"]),
        (["--job-id", "a b"], ["--job-id: may hold 1 to 128 letters"]),
    ],
)
def test_a_wrong_value_is_named(
    arguments: list[str], parts: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    video = tmp_path / "a.mp4"
    video.write_bytes(b"x")
    assert main(["process", str(video), *arguments]) == 2
    error = capsys.readouterr().err
    assert all(part in error for part in parts), error
    assert error.count("\n") == 1
    assert "Value error" not in error
