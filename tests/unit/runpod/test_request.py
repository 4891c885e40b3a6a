from __future__ import annotations

import uuid
from typing import Any

import pytest

from consumer.events.models import DEFAULT_PROMPT
from consumer.runpod.request import RequestError, read_request

URL = "s3://videos/a.mp4"


def test_the_originals_request() -> None:
    fields = {
        "video_url": URL,
        "prompt": "What?",
        "max_tokens": 512,
        "temperature": 0.7,
        "top_p": 0.8,
        "top_k": 20,
        "chunk_duration": 60.0,
        "aggregate": True,
        "aggregation_prompt": "Sum it up.",
        "max_frames_per_chunk": 768,
    }
    job = read_request({"id": "abc-e1", "input": fields})
    assert job.job_id == "abc-e1"
    assert job.model_dump(include=set(fields)) == fields


def test_only_the_video_is_needed() -> None:
    assert read_request({"id": "abc", "input": {"video_url": URL}}).prompt == DEFAULT_PROMPT


def test_a_job_id_of_its_own_wins() -> None:
    assert read_request({"id": "abc", "input": {"video_url": URL, "job_id": "mine"}}).job_id == "mine"


@pytest.mark.parametrize("own_id", [None, 7, "", "with space", "x" * 200])
def test_an_id_that_will_not_do_is_replaced(own_id: Any) -> None:
    assert uuid.UUID(read_request({"id": own_id, "input": {"video_url": URL}}).job_id)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"video_url": URL, "max_token": 5}, "input.max_token is no field of a job."),
        ({"video_url": URL, "max_tokens": 0}, "input.max_tokens: Input should be greater than or equal to 1."),
        ({"video_url": URL, "temperature": "hot"}, "input.temperature: Input should be a valid number"),
        ({"video_url": URL, "metadata": {"a": 1}}, "input.metadata.a: Input should be a valid string."),
        ({}, "input: exactly one of video_url and video_path must be given."),
        ({"video_url": URL, "video_path": "/a"}, "input: exactly one of video_url and video_path must be given."),
        ({"video_url": URL, "prompt": ""}, "input.prompt: "),
        ({"video_url": URL, "response_schema": "["}, "input.response_schema: must be a JSON Schema as text"),
    ],
)
def test_a_wrong_request_is_one_sentence_that_names_the_field(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_request({"id": "abc", "input": fields})
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("request_", [{}, {"input": None}, {"input": "a.mp4"}, {"input": []}])
def test_a_request_without_fields(request_: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="input must be a JSON object"):
        read_request(request_)


def test_a_presigned_address_is_not_repeated() -> None:
    secret = "https://store/a.mp4?X-Amz-Signature=topsecret"
    with pytest.raises(RequestError) as caught:
        read_request({"input": {"video_url": secret, "video_path": secret, "seed": secret}})
    assert "topsecret" not in str(caught.value)
