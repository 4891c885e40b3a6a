"""One option for every field of a job, made from `VideoJob`, so that command line and event cannot drift apart."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from consumer.events.models import DEFAULT_PROMPT, JOB_ID_PATTERN, VideoJob

F = TypeVar("F", bound=Callable[..., Any])

HELP = {
    "job_id": "Identity of the job; a new UUIDv7 when missing.",
    "video_url": "s3://bucket/key or http(s)://, in place of SOURCE.",
    "video_path": "A path on the consumer's machine (below its ALLOWED_PATHS), in place of SOURCE.",
    "prompt": f"Asked of every chunk.  [default: {DEFAULT_PROMPT}]",
    "system_prompt": "System prompt.",
    "max_tokens": "Longest answer, tokens.",
    "temperature": "Sampling temperature.",
    "top_p": "Nucleus sampling.",
    "top_k": "Tokens to draw from; -1: all.",
    "presence_penalty": "Against repetition.",
    "seed": "Makes sampling repeatable.",
    "chunk_duration": "Seconds a chunk.  [default: the consumer's CHUNK_DURATION]",
    "chunk_overlap": "Seconds shared by neighbours.  [default: the consumer's CHUNK_OVERLAP]",
    "fps": "Frames a second that the model sees; null: as many as fit.",
    "max_frames_per_chunk": "Frames a chunk at most.  [default: the consumer's MAX_FRAMES_PER_CHUNK]",
    "keyframes_only": "Show key frames only.",
    "max_vision_tokens": "Pixel budget of a chunk, tokens.",
    "start_time": "Where in the video to begin, seconds.",
    "end_time": "Where to end, seconds.",
    "aggregate": "Make one answer out of the chunks' answers.",
    "aggregation_prompt": "Prompt of that step.",
    "response_schema": "JSON Schema that every answer must fit, as text or @FILE.",
    "deadline": "Do not start after this: RFC 3339 time, or ms since the epoch.",
    "metadata": "Handed back in every result; may be repeated.",
}
# `ask` fills these.
NO_OPTIONS = frozenset({"source_job_id", "source_run_id", "zoom"})
_METAVARS = {int: "INTEGER", float: "NUMBER", str: "TEXT"}


def job_options(function: F) -> F:
    """Give a command an option for each field of VideoJob but those of `ask`; unset ones are None (metadata: empty)."""
    for name in (one for one in reversed(VideoJob.model_fields) if one not in NO_OPTIONS):
        function = _option(name, VideoJob.model_fields[name])(function)
    return function


def build_job(values: Mapping[str, Any]) -> VideoJob:
    """The job of these option values; None values take the model's default.

    Raises:
        click.UsageError: a value is wrong; the sentence names the option.
    """
    fields = given_fields(values)
    fields.setdefault("prompt", DEFAULT_PROMPT)
    try:
        return VideoJob.model_validate(fields)
    except ValidationError as error:
        raise click.UsageError(_sentence(error)) from None


def given_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that option values stand for, as the model takes them; those that were not given are left out.

    Raises:
        click.UsageError: --metadata is no KEY=VALUE, or the file of --response-schema cannot be read.
    """
    fields = {name: value for name, value in values.items() if value is not None}
    fields["metadata"] = _pairs(values.get("metadata") or ())
    schema = fields.get("response_schema", "")
    if schema.startswith("@"):
        fields["response_schema"] = _read(Path(schema[1:]))
    deadline = fields.get("deadline", "")
    if deadline.isdigit():
        fields["deadline"] = int(deadline)
    for name, value in fields.items():
        if (
            value == "null"
            and _optional(VideoJob.model_fields[name])
            and _base_type(VideoJob.model_fields[name]) is not str
        ):
            fields[name] = None
    return fields


def require_job_ids(jobs: Iterable[str]) -> None:
    """Raises click.UsageError for what can be the id of no job."""
    for job in jobs:
        if not re.fullmatch(JOB_ID_PATTERN, job):
            raise click.UsageError(f"{job!r} can be no job_id: letters, digits, . _ : and -, at most 128")


def _option(name: str, field: FieldInfo) -> Callable[[F], F]:
    flag = f"--{name.replace('_', '-')}"
    base = _base_type(field)
    if base is bool:
        text = HELP[name] + f"  [default: {'yes' if field.default else 'no'}]"
        return click.option(f"{flag}/--no-{flag[2:]}", name, default=None, help=text)
    if name == "metadata":
        return click.option(flag, name, multiple=True, metavar="KEY=VALUE", help=HELP[name])
    text = HELP[name]
    if not field.is_required() and field.default is not None:
        text += f"  [default: {field.default:g}]"
    metavar = "TIME" if name == "deadline" else _METAVARS[base]
    return click.option(flag, name, default=None, metavar=metavar, help=text)


def _base_type(field: FieldInfo) -> Any:
    annotation = field.annotation
    while True:
        origin = typing.get_origin(annotation)
        if origin is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif origin in (types.UnionType, typing.Union):
            annotation = next(part for part in typing.get_args(annotation) if part is not type(None))
        else:
            return annotation


def _optional(field: FieldInfo) -> bool:
    return type(None) in typing.get_args(field.annotation)


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.UsageError(f"--metadata takes KEY=VALUE, not {text!r}")
        pairs[key] = value
    return pairs


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise click.UsageError(f"--response-schema: {path} cannot be read: {reason}") from None


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return message
    name = str(first["loc"][0])
    if name == "job_id":
        message = "may hold 1 to 128 letters, digits and . _ : -"
    given = first["input"] if isinstance(first["input"], str) and len(first["input"]) < 60 else None
    return f"--{name.replace('_', '-')}: {message}" + (f" (given: {given!r})" if given is not None else "")
