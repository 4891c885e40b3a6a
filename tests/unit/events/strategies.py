"""Any valid event, for Hypothesis: results by their schemas, jobs by the ranges of their fields."""

from __future__ import annotations

import json
from typing import Any, get_args

from hypothesis import strategies as st

from consumer.errors import ErrorCode
from consumer.events.models import LATEST_MS, CancelJob, ChunkResult, Event, Status, VideoJob, VideoResult
from consumer.events.schemas import current

JOB_ID_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-"
text = st.text(max_size=20)
some_text = st.text(min_size=1, max_size=20)
job_ids = st.text(JOB_ID_LETTERS, min_size=1, max_size=128)
finite = st.floats(allow_nan=False, allow_infinity=False)
instants = st.integers(0, LATEST_MS)
_PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": finite,
    "string": text,
}
_BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "code": st.sampled_from([code.value for code in ErrorCode]),
    "error_code": st.none() | st.sampled_from([code.value for code in ErrorCode]),
    "status": st.sampled_from(get_args(Status)),
    "created_at": instants,
}


def of_schema(schema: Any, named: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of an Avro schema as it stands in its file."""
    if isinstance(schema, str):
        return _PRIMITIVES[schema] if schema in _PRIMITIVES else of_schema(named[schema], named)
    if isinstance(schema, list):
        return st.one_of([of_schema(branch, named) for branch in schema])
    if schema["type"] == "record":
        named[schema["name"]] = schema
        fields = {one["name"]: of_schema(one["type"], named) for one in schema["fields"]}
        return st.fixed_dictionaries({name: _BY_NAME.get(name, values) for name, values in fields.items()})
    if schema["type"] == "array":
        return st.lists(of_schema(schema["items"], named), max_size=3)
    if schema["type"] == "map":
        return st.dictionaries(text, of_schema(schema["values"], named), max_size=3)
    return of_schema(schema["type"], named)


def _job(fields: dict[str, Any]) -> VideoJob:
    source, begin, length = fields.pop("source"), fields["start_time"], fields.pop("length")
    end = None if length is None else begin + length
    about, zoom = fields.pop("about", None), fields.pop("zoom", False)
    asked = {} if about is None else {"source_job_id": about[0], "source_run_id": about[1], "zoom": zoom}
    return VideoJob.model_validate({**fields, **asked, source[0]: source[1], "end_time": end})


jobs = st.fixed_dictionaries(
    {
        "job_id": job_ids,
        "source": st.tuples(st.sampled_from(["video_url", "video_path"]), some_text),
        "prompt": some_text,
        "length": st.none() | st.floats(1, 1e6),
        "start_time": st.floats(0, 1e6),
    },
    optional={
        "system_prompt": st.none() | text,
        "max_tokens": st.integers(1, 32_768),
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1, exclude_min=True),
        "top_k": st.integers(-1, 1_000_000),
        "presence_penalty": st.floats(-2, 2),
        "seed": st.none() | st.integers(0, 2**63 - 1),
        "chunk_duration": st.none() | st.floats(2, 3600),
        "chunk_overlap": st.none() | st.floats(0, 1),
        "fps": st.none() | st.floats(0, 120, exclude_min=True),
        "max_frames_per_chunk": st.none() | st.integers(4, 4096),
        "keyframes_only": st.booleans(),
        "max_vision_tokens": st.integers(16, 1_000_000),
        "aggregate": st.booleans(),
        "aggregation_prompt": st.none() | some_text,
        "response_schema": st.none() | st.dictionaries(text, text, max_size=2).map(json.dumps),
        "deadline": st.none() | instants,
        "metadata": st.dictionaries(text, text, max_size=3),
        "about": st.none() | st.tuples(job_ids, some_text),
        "zoom": st.booleans(),
    },
).map(_job)


def results(model: type[Event]) -> st.SearchStrategy[Event]:
    """Any result of this model."""
    return of_schema(json.loads(current(model).text), {}).map(model.model_validate)


EVENTS: dict[str, st.SearchStrategy[Any]] = {
    "video-job": jobs,
    "cancel-job": st.builds(CancelJob, job_id=job_ids, reason=st.none() | text, created_at=instants),
    "chunk-result": results(ChunkResult),
    "video-result": results(VideoResult),
}
