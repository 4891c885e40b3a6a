"""The `input` of an HTTP request as a job."""

from __future__ import annotations

import re
import uuid
from typing import Any

from pydantic import ValidationError

from consumer.errors import VideoConsumerError
from consumer.events.models import DEFAULT_PROMPT, JOB_ID_PATTERN, VideoJob


class RequestError(VideoConsumerError):
    """The request cannot become a job; the sentence names the field."""


def read_request(request: dict[str, Any]) -> VideoJob:
    """The job that a request of RunPod's form, `{"id": ..., "input": {...}}`, asks for.

    `input` takes the fields of the job event. `prompt` has a default, and `job_id` is the request's id if that will
    do.

    Raises:
        RequestError: a field is missing, unknown or wrong.
    """
    fields = request.get("input")
    if not isinstance(fields, dict):
        raise RequestError("input must be a JSON object with the job's fields.")
    own_id = request.get("id")
    usable = isinstance(own_id, str) and re.fullmatch(JOB_ID_PATTERN, own_id)
    values = {"job_id": own_id if usable else str(uuid.uuid4()), "prompt": DEFAULT_PROMPT, **fields}
    try:
        return VideoJob.model_validate(values)
    except ValidationError as error:
        raise RequestError(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    if first["type"] == "extra_forbidden":
        return f"input.{name} is no field of a job."
    return f"input.{name}: {message}." if name else f"input: {message}."
