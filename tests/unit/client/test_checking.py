"""What is refused before it is sent, because the consumer would refuse it."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.client import RefusedJobError, VideoJob
from consumer.client.checking import require_acceptable
from consumer.settings import load_settings
from tests.unit.client.fakes import SETTINGS

NOW = 1_000_000


def job(**fields: Any) -> VideoJob:
    return VideoJob.model_validate({"job_id": "j", "video_url": "s3://b/k", "prompt": "p"} | fields)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"video_url": "s3://b/a/#1?x.mp4"},
        {"video_url": "https://user:pass@h/x?sig=1"},
        {"video_url": None, "video_path": "/data/a..b.mp4"},
        {"deadline": NOW},
        {"chunk_overlap": 59.0},
        {"chunk_overlap": 70.0, "chunk_duration": 80.0},
        {"response_schema": '{"type": "object"}'},
        {"video_url": None, "source_job_id": "first", "source_run_id": "r"},
    ],
)
def test_what_the_consumer_may_do_passes(fields: dict[str, Any]) -> None:
    require_acceptable(job(**fields), SETTINGS, NOW)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"video_url": "a.mp4"}, "video_url: it is no address; use s3://BUCKET/KEY or http(s)://HOST/..."),
        ({"video_url": "s3://b/"}, "video_url: the address s3://b/ is incomplete; it must look like s3://BUCKET/KEY"),
        (
            {"video_url": "https://user:pass@?sig=1"},
            "video_url: the address https:// is incomplete; it must look like https://HOST/...",
        ),
        (
            {"video_url": None, "video_path": "/data/../x.mp4"},
            "video_path: it must not contain '..'; give the path straight down, as the consumer's machine sees it",
        ),
        ({"deadline": NOW - 1}, "deadline: it has passed; name a later one, or none"),
        (
            {"chunk_overlap": 60.0},
            "chunk_overlap: 60 s is not shorter than CHUNK_DURATION (60 s); set chunk_duration, too",
        ),
        (
            {"response_schema": '{"type": "strange"}'},
            "response_schema is not a usable JSON Schema ('strange' is not valid under any of the given schemas)",
        ),
    ],
)
def test_the_field_is_named_and_what_to_do(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedJobError) as refused:
        require_acceptable(job(**fields), SETTINGS, NOW)
    assert str(refused.value) == f"The job j would be refused: {reason}."


def test_the_default_of_the_settings_counts() -> None:
    longer = load_settings(environment={"CHUNK_DURATION": "90"}).settings
    require_acceptable(job(chunk_overlap=60.0), longer, NOW)
