"""Every bad input once, through the real Kafka: a documented end, the next job runs, the offset moves exactly once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from consumer.client import VideoJobs
from consumer.client.problems import JobTooLargeError
from consumer.events.models import VideoJob, VideoResult
from consumer.settings import load_settings
from tests.integration.bad_media import Uploads
from tests.integration.system import Audit, System
from tests.integration.test_main_job import avro_job
from tests.integration.worker_process import worker_process

pytestmark = pytest.mark.timeout(400)


@dataclass(frozen=True)
class Case:
    """A record and its end: `code` of the dead letter, and of the failed final result of the job that it names.

    Args:
        name: its key.
    """

    name: str
    value: bytes | None
    code: str
    has_final: bool
    says: str = ""


def job(name: str, **fields: Any) -> bytes:
    return json.dumps({"job_id": name, "prompt": "What?", **fields}).encode()


def undecodable() -> list[Case]:
    good = avro_job({"job_id": "cut-avro", "prompt": "p", "video_url": "s3://b/k"})
    return [
        Case("empty", None, "EVENT_UNDECODABLE", True, "empty"),
        Case("no-bytes", b"", "EVENT_UNDECODABLE", True, "empty"),
        Case("random", uuid.UUID(int=0x7F3A_1177_0001_9999).bytes[6:] + b"\xff\x17\x80", "EVENT_UNDECODABLE", True),
        Case("cut-avro", good[:-7], "EVENT_UNDECODABLE", True),
        Case("unknown-fingerprint", b"\xc3\x01" + b"\x11" * 8 + good[10:], "EVENT_UNDECODABLE", True),
        Case("unknown-schema-id", b"\x00\x00\x00\xff\xff" + good[10:], "EVENT_UNDECODABLE", True),
        Case("broken-json", b'{"job_id": "broken-json", ', "EVENT_UNDECODABLE", True),
        Case("this is no id", b'{"job_id": "unreadable", ', "EVENT_UNDECODABLE", False),
    ]


def invalid() -> list[Case]:
    s3 = "s3://b/k"
    return [
        Case("unknown-field", job("unknown-field", video_url=s3, promt="x"), "EVENT_INVALID", True, "promt"),
        Case("out-of-range", job("out-of-range", video_url=s3, top_p=7), "EVENT_INVALID", True, "top_p"),
        Case("no-source", job("no-source"), "EVENT_INVALID", True, "video_url"),
        Case("two-sources", job("two-sources", video_url=s3, video_path="/x"), "EVENT_INVALID", True, "video_path"),
        Case("without-id", json.dumps({"prompt": "p", "video_url": s3}).encode(), "EVENT_INVALID", True, "job_id"),
        Case("bad-id", job("no spaces please", video_url=s3), "EVENT_INVALID", True, "job_id"),
        Case("bad id and key", job("no spaces please", video_url=s3), "EVENT_INVALID", False, "job_id"),
    ]


def sources(bucket: str) -> list[Case]:
    def one(name: str, code: str, says: str = "", **fields: Any) -> Case:
        return Case(name, job(name, **fields), code, True, says)

    return [
        one("no-key", "SOURCE_NOT_FOUND", video_url=f"s3://{bucket}/nothing-here.mp4"),
        one("no-bucket", "SOURCE_NOT_FOUND", video_url="s3://no-such-bucket-here/video.mp4"),
        one("host", "SOURCE_REFUSED", "ALLOWED_HOSTS", video_url="http://127.0.0.1:1/video.mp4"),
        one("metadata-host", "SOURCE_REFUSED", "ALLOWED_HOSTS", video_url="http://169.254.169.254/latest/meta-data"),
        one("scheme", "SOURCE_REFUSED", video_url="file:///etc/passwd"),
        one("path", "SOURCE_REFUSED", "ALLOWED_PATHS", video_path="/etc/passwd"),
    ]


def media(uploads: Uploads) -> list[Case]:
    def one(name: str, code: str, url: str) -> Case:
        return Case(name, job(name, video_url=url), code, True)

    return [
        one("text-file", "MEDIA_UNREADABLE", uploads.text_called_mp4()),
        one("zero-bytes", "MEDIA_UNREADABLE", uploads.zero_bytes()),
        one("half-mp4", "MEDIA_UNREADABLE", uploads.mp4_cut_in_half()),
        one("audio-only", "MEDIA_NO_VIDEO", uploads.audio_only()),
    ]


def run(system: System, audit: Audit, cases: list[Case], good: Callable[[], str], **environment: str) -> None:
    """All cases on one partition, then a good job behind them; each ends once, as said."""
    for case in cases:
        system.produce(case.value, key=case.name, partition=0)
    system.submit("good", video_url=good(), partition=0)
    with worker_process(system.environment(**environment), system.directory / "log") as worker:
        worker.wait_ready()
        audit.wait_finals(1 + sum(case.has_final for case in cases), seconds=120)
        dead = worker.metric("jobs_total", status="failed")
    audit.check()
    letters = audit.dead_letters()
    assert [(one.key() or b"").decode() for one, _ in letters] == [case.name for case in cases], "in order, each once"
    finals = {one["job_id"]: one for one in audit.finals()}
    for (letter, headers), case in zip(letters, cases, strict=True):
        assert headers["__dlq.errors.code"].decode() == case.code, (case.name, headers["__dlq.errors.message"])
        message = headers["__dlq.errors.message"].decode()
        assert case.says in message, (case.name, message)
        assert message.count("\n") == 0
        assert (letter.value() or b"") == (case.value or b""), "the received bytes, untouched"
        assert (case.name in finals) is case.has_final
        if case.has_final:
            assert finals[case.name]["status"] == "failed"
            assert finals[case.name]["error"]["code"] == case.code
    assert finals["good"]["status"] == "succeeded"
    waiting = [case.name for case in cases if case.has_final]
    with VideoJobs(load_settings(environment=system.environment()).settings) as client:
        told = {one.job_id: one for one in client.follow(waiting, timeout=30) if isinstance(one, VideoResult)}
    assert sorted(told) == sorted(waiting), "whoever waits for a job that could not be read is told"
    assert dead == sum(case.has_final for case in cases)
    assert system.committed_offsets()[0][0] == len(cases) + 1


def test_events_that_cannot_be_decoded(system: System, audit: Audit, short_video: str, registry: Any) -> None:
    run(system, audit, undecodable(), lambda: short_video, SCHEMA_REGISTRY_URL=registry.url)


def test_events_that_are_not_valid(system: System, audit: Audit, short_video: str) -> None:
    run(system, audit, invalid(), lambda: short_video)


def test_sources_that_cannot_be_had(system: System, audit: Audit, short_video: str) -> None:
    run(system, audit, sources(system.bucket), lambda: short_video)


def test_files_that_are_no_videos(system: System, audit: Audit, short_video: str, uploads: Uploads) -> None:
    run(system, audit, media(uploads), lambda: short_video)


def test_a_hundred_megabytes_around_one_picture(system: System, audit: Audit, uploads: Uploads) -> None:
    system.submit("picture", video_url=uploads.image_only_mkv(100 * 2**20))
    with worker_process(system.environment(), system.directory / "log") as worker:
        worker.wait_ready()
        (final,) = audit.wait_finals(1)
    audit.check()
    assert (final["status"], final["error"]["code"]) == ("failed", "CHUNK_NO_FRAMES")


def test_a_job_that_is_larger_than_the_limit_is_refused_when_it_is_submitted(system: System, short_video: str) -> None:
    loaded = load_settings(environment=system.environment()).settings
    big = VideoJob(job_id="big", video_url=short_video, prompt="p", metadata={"x": "x" * 1_100_000})
    with VideoJobs(loaded) as client, pytest.raises(JobTooLargeError, match="KAFKA_PRODUCER_MESSAGE_MAX_BYTES"):
        client.submit(big)
    wider = load_settings(environment=system.environment(KAFKA_PRODUCER_MESSAGE_MAX_BYTES="2000000")).settings
    with VideoJobs(wider) as client, pytest.raises(JobTooLargeError, match=r"max\.message\.bytes"):
        client.submit(big)


def test_jobs_that_the_broker_takes_but_whose_results_it_does_not(
    system: System, audit: Audit, short_video: str
) -> None:
    """They are as large as a record may be, and results hand the metadata back with more around it."""
    padding = {"x": "x" * 1_040_000}
    fields: dict[str, Any] = {"chunk_duration": 5, "chunk_overlap": 1, "partition": 0}
    system.submit("good-but-large", video_url=short_video, metadata=padding, **fields)
    system.submit("failed-and-large", video_url=f"s3://{system.bucket}/not-there.mp4", metadata=padding, partition=0)
    system.submit("invalid-and-large", video_url=short_video, metadata=padding, top_p=7, partition=0)
    system.submit("good", video_url=short_video, **fields)
    with worker_process(system.environment(), system.directory / "log") as worker:
        worker.wait_ready()
        audit.wait_finals(4)
    audit.check()
    finals = {one["job_id"]: one for one in audit.finals()}
    assert {job_id: (one["status"], (one["error"] or {}).get("code")) for job_id, one in finals.items()} == {
        "good-but-large": ("partial", "RESULT_TOO_LARGE"),
        "failed-and-large": ("failed", "SOURCE_NOT_FOUND"),
        "invalid-and-large": ("failed", "EVENT_INVALID"),
        "good": ("succeeded", None),
    }
    assert {one["error"]["code"] for one in audit.chunks("good-but-large")} == {"RESULT_TOO_LARGE"}
    codes = [headers["__dlq.errors.code"].decode() for _, headers in audit.dead_letters()]
    assert codes == ["SOURCE_NOT_FOUND", "EVENT_INVALID"]
    assert system.committed_offsets()[0][0] == 4


def test_wrong_credentials(system: System, audit: Audit, short_video: str) -> None:
    system.submit("refused", video_url=short_video)
    wrong = system.environment(S3_SECRET_KEY="not-the-secret")
    with worker_process(wrong, system.directory / "log") as worker:
        worker.wait_ready()
        (final,) = audit.wait_finals(1)
        log = worker.log.read_text()
    assert final["error"]["code"] == "SOURCE_FORBIDDEN"
    assert "not-the-secret" not in log + json.dumps(final)
    assert system.store["S3_SECRET_KEY"] not in log + json.dumps(final)
