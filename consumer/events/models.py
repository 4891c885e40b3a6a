"""The events as pydantic models: what crosses the wire, validated at the edge.

The fields are those of `schemas/*.avsc`, by the same names and in the same order; a test holds the two together.
Times named `*_time` are seconds of source time; instants (`deadline`, `created_at`) are milliseconds since the epoch.
"""

from __future__ import annotations

import datetime
import json
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from consumer.errors import ErrorCode

JOB_ID_PATTERN = r"^[A-Za-z0-9._:-]{1,128}$"
DEFAULT_PROMPT = "Describe what happens in this video."


def _milliseconds(value: object) -> object:
    """Avro's timestamp-millis arrives as an aware datetime, JSON's as a number or RFC 3339 text."""
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError("must be milliseconds since the epoch or an RFC 3339 time") from error
        if value.tzinfo is None:
            raise ValueError("must name its time zone, for example 2026-01-31T12:00:00Z")
    if isinstance(value, datetime.datetime):
        return round(value.timestamp() * 1000)
    return value


def _json_object(value: str) -> str:
    try:
        parsed = json.loads(value)
    except ValueError as error:
        raise ValueError(f"must be a JSON Schema as text ({error})") from error
    if not isinstance(parsed, dict):
        raise ValueError("must be a JSON Schema as text, that is, a JSON object")
    return value


# The last moment of the year 9999: the latest that readers in most languages can make a time of.
LATEST_MS = 253_402_300_799_999
Milliseconds = Annotated[int, BeforeValidator(_milliseconds), Field(ge=0, le=LATEST_MS)]
JsonSchemaText = Annotated[str, AfterValidator(_json_object)]
JobId = Annotated[str, Field(pattern=JOB_ID_PATTERN)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Event(BaseModel):
    """Base of all events: immutable, unknown fields are an error that names them."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class VideoJob(Event):
    """A request to describe one video (topic `video.jobs`)."""

    job_id: JobId
    video_url: Annotated[str, Field(min_length=1, max_length=8192)] | None = None
    video_path: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    prompt: Annotated[str, Field(min_length=1, max_length=100_000)]
    system_prompt: Annotated[str, Field(max_length=100_000)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=32_768)] = 512
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 0.7
    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.8
    top_k: Annotated[int, Field(ge=-1, le=1_000_000)] = 20
    presence_penalty: Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)] = 1.5
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None
    chunk_duration: Annotated[float, Field(ge=1, le=3600, allow_inf_nan=False)] | None = None
    chunk_overlap: Annotated[float, Field(ge=0, le=1800, allow_inf_nan=False)] | None = None
    fps: Annotated[float, Field(gt=0, le=120, allow_inf_nan=False)] | None = 2.0
    max_frames_per_chunk: Annotated[int, Field(ge=4, le=4096)] | None = None
    keyframes_only: bool = False
    max_vision_tokens: Annotated[int, Field(ge=16, le=1_000_000)] = 18_000
    start_time: Seconds = 0.0
    end_time: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    aggregate: bool = True
    aggregation_prompt: Annotated[str, Field(min_length=1, max_length=100_000)] | None = None
    response_schema: JsonSchemaText | None = None
    deadline: Milliseconds | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    source_job_id: JobId | None = None
    source_run_id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    zoom: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.source_job_id is None) != (self.source_run_id is None):
            raise ValueError("source_job_id and source_run_id must be given together")
        if self.zoom and self.source_job_id is None:
            raise ValueError("zoom needs source_job_id")
        if self.source_job_id is not None and not self.zoom:
            # Stored answers are put together again: no video is looked at.
            return self
        if (self.video_url is None) == (self.video_path is None):
            raise ValueError("exactly one of video_url and video_path must be given")
        if self.end_time is not None and self.end_time <= self.start_time:
            raise ValueError("end_time must be after start_time")
        if self.chunk_duration is not None and (self.chunk_overlap or 0.0) >= self.chunk_duration:
            raise ValueError("chunk_overlap must be shorter than chunk_duration")
        return self


class CancelJob(Event):
    """A request to stop a job (topic `video.jobs.control`)."""

    job_id: JobId
    reason: str | None = None
    created_at: Milliseconds


class ErrorInfo(Event):
    """Why something failed; `retryable` says whether sending it again can help."""

    code: ErrorCode
    message: str
    retryable: bool


class Frames(Event):
    """The frames that the model saw: how many, how often (frames/s), how large (pixels), from when to when (s)."""

    count: int
    fps: float
    width: int
    height: int
    first_time: float
    last_time: float


class Tokens(Event):
    """Token counts; `prompt` includes `vision`."""

    vision: int = 0
    prompt: int = 0
    completion: int = 0


class Timings(Event):
    """Seconds spent by stage; in a final result their sums over chunks."""

    fetch: float = 0.0
    decode: float = 0.0
    wait: float = 0.0
    first_token: float = 0.0
    generate: float = 0.0


class Sampling(Event):
    """Sampling values that were in force."""

    max_tokens: int
    temperature: float
    top_p: float
    top_k: int
    presence_penalty: float
    seed: int | None


class Provenance(Event):
    """What made a result: enough to make it again."""

    model: str
    revision: str | None
    quantization: str | None
    engine: str
    engine_version: str
    prompt_digest: str
    sampling: Sampling
    plan_digest: str
    consumer_version: str
    worker: str
    source_job_id: str | None = None
    source_run_id: str | None = None


class ChunkResult(Event):
    """What the model saw in one chunk, or why it could not look (topic `video.chunk-results`)."""

    chunk_index: int
    start_time: float
    end_time: float
    success: bool
    response: str | None
    processing_time: float
    job_id: str
    run_id: str
    num_chunks: int
    attempt: int
    error: ErrorInfo | None
    finish_reason: str | None
    truncated: bool
    degraded: list[str]
    warnings: list[str] = Field(default_factory=list)
    frames: Frames | None
    tokens: Tokens
    timings: Timings
    provenance: Provenance
    parsed: str | None
    metadata: dict[str, str]
    created_at: Milliseconds


class VideoInfo(Event):
    """What the file is; width and height in pixels as shown (rotation applied), duration in seconds."""

    width: int
    height: int
    fps: float
    duration: float
    total_frames: int
    codec: str
    container: str
    size_bytes: int
    has_audio: bool
    rotation: int


class ChunkRef(Event):
    """Where a chunk's result stands in the chunk-results topic (partition and offset are null outside Kafka)."""

    chunk_index: int
    start_time: float
    end_time: float
    success: bool
    error_code: ErrorCode | None
    partition: int | None
    offset: int | None
    event_id: str | None


class Coverage(Event):
    """Seconds of source time that were asked for and described, and the gaps as [start, end] pairs."""

    covered_seconds: float
    total_seconds: float
    gaps: list[list[float]]


class Aggregation(Event):
    """How the answer for the whole was made: levels of calls, number of calls, tokens used."""

    levels: int
    calls: int
    tokens: Tokens


Status = Literal["succeeded", "partial", "failed", "cancelled"]


class VideoResult(Event):
    """The one final event of a job (topic `video.results`)."""

    success: bool
    video_info: VideoInfo | None
    num_chunks: int
    aggregated_response: str | None
    total_successful_chunks: int
    total_processing_time: float
    job_id: str
    run_id: str
    status: Status
    error: ErrorInfo | None
    chunks: list[ChunkRef]
    coverage: Coverage | None
    aggregation: Aggregation | None
    warnings: list[str] = Field(default_factory=list)
    tokens: Tokens
    timings: Timings
    attempts: int
    provenance: Provenance | None
    metadata: dict[str, str]
    created_at: Milliseconds
