"""Values as far as they can be read."""

from __future__ import annotations

import json

import pytest

from consumer.events.codec import EventCodec
from consumer.events.dissection import dissect
from consumer.events.models import VideoJob

JOB = VideoJob(job_id="job-1", prompt="What?", video_url="s3://videos/a.mp4")
AVRO = EventCodec("avro").encode(JOB, "video.jobs")


def test_a_valid_job_is_shown_as_it_was_written() -> None:
    found = dissect(EventCodec("json"), VideoJob, b'{"job_id": "a", "prompt": "p", "video_url": "s3://b/k"}')
    assert (found.form, found.problem) == ("JSON", None)
    assert found.fields == {"job_id": "a", "prompt": "p", "video_url": "s3://b/k"}
    avro = dissect(EventCodec("json"), VideoJob, AVRO)
    assert avro.problem is None
    assert avro.fields == JOB.model_dump(mode="json")


def test_fields_that_break_a_rule_are_shown_with_the_rule() -> None:
    found = dissect(EventCodec("json"), VideoJob, json.dumps({"job_id": "a", "promt": "p"}).encode())
    assert found.problem == "The event has the field promt, which a VideoJob does not: did you mean prompt?"
    assert found.fields == {"job_id": "a", "promt": "p"}


def test_of_avro_that_is_cut_off_the_fields_before_the_cut() -> None:
    found = dissect(EventCodec("json"), VideoJob, AVRO[: AVRO.index(b"What?") + 5])
    assert found.problem is not None
    assert found.problem.startswith("The value's body is broken")
    assert found.fields == {
        "job_id": "job-1",
        "video_url": "s3://videos/a.mp4",
        "video_path": None,
        "prompt": "What?",
    }


def test_broken_json_is_shown_as_the_text_that_it_is() -> None:
    found = dissect(EventCodec("json"), VideoJob, b'{"job_id": "a",\n "prompt"')
    assert (found.form, found.fields, found.text) == ("JSON", None, '{"job_id": "a",\n "prompt"')


def test_anything_else_is_a_dump() -> None:
    found = dissect(EventCodec("json"), VideoJob, bytes(range(256)) * 2)
    assert found.form == "Avro in Confluent's wire format"
    assert found.text is not None
    lines = found.text.splitlines()
    assert lines[4] == "0040  40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO"
    assert lines[-1] == "... and 256 bytes more"


@pytest.mark.parametrize(("value", "form"), [(None, "no value"), (b"", "in no format that is known")])
def test_nothing_is_nothing(value: bytes | None, form: str) -> None:
    found = dissect(EventCodec("json"), VideoJob, value)
    assert (found.form, found.problem, found.fields) == (form, "The record's value is empty.", None)
    assert not found.text
