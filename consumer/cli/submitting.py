"""What `submit` is going to do, decided before anything is uploaded or sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from consumer.cli.job_file import merged, read_jobs
from consumer.cli.job_options import build_job, given_fields
from consumer.cli.sources import Local, Remote, Source, expand, recognise
from consumer.events.models import DEFAULT_PROMPT, VideoJob
from consumer.events.problems import invalid

if TYPE_CHECKING:
    from consumer.settings import Settings

MOST_JOBS = 10_000


@dataclass(frozen=True, slots=True)
class Planned:
    """A job that is valid but for its address, if it has a file: that follows from the file's content.

    Args:
        path: the file that must be uploaded for it.
        line: which line of --from-file it was.
    """

    job: VideoJob
    path: Path | None = None
    line: str | None = None

    def at(self, url: str) -> VideoJob:
        """The job, once its file has this address."""
        return self.job.model_copy(update={"video_url": url})


def plan(sources: tuple[str, ...], from_file: Path | None, values: dict[str, Any], settings: Settings) -> list[Planned]:
    """All jobs, in their order.

    Raises:
        click.UsageError: a field or a file is wrong, or the options do not fit each other.
    """
    if from_file is not None:
        planned = _of_lines(sources, from_file, values, settings)
    else:
        planned = _of_sources(expand(sources), values, settings)
    sizes: dict[Path, int] = {}
    for one in planned:
        if one.path is not None and one.path not in sizes:
            sizes[one.path] = _size(one.path, settings)
    return planned


def _of_sources(sources: list[Source], values: dict[str, Any], settings: Settings) -> list[Planned]:
    named = _named(values)
    if bool(sources) == bool(named):
        raise click.UsageError(f"give either SOURCE or {named}, not both" if sources else "give at least one SOURCE")
    if len(sources) > 1 and values.get("job_id") is not None:
        raise click.UsageError(f"--job-id names one job, but there are {len(sources)} sources")
    if len(sources) > MOST_JOBS:
        raise click.UsageError(f"these are {len(sources):,} jobs, more than {MOST_JOBS:,}; submit them in parts")
    if not sources:
        return [Planned(build_job(_with_id(values)))]
    planned = []
    for source in sources:
        job = build_job(_with_id(values) | {"video_url": _address(source, settings)})
        planned.append(Planned(job, source.path if isinstance(source, Local) else None))
    return planned


def _of_lines(sources: tuple[str, ...], path: Path, values: dict[str, Any], settings: Settings) -> list[Planned]:
    if sources:
        raise click.UsageError("give either SOURCE or --from-file, not both")
    alone = _named(values) or ("--job-id" if values.get("job_id") is not None else "")
    if alone:
        raise click.UsageError(f"{alone} is for one job; write it into the lines of --from-file")
    defaults, seen = given_fields(values), dict[str, str]()
    planned = []
    for name, fields in read_jobs(path, MOST_JOBS):
        one = _of_line(name, merged(defaults, fields), settings)
        if one.job.job_id in seen:
            raise click.UsageError(f"{name} has the job_id of {seen[one.job.job_id]}; give each job its own")
        seen[one.job.job_id] = name
        planned.append(one)
    if not planned:
        raise click.UsageError(f"--from-file: {path} holds no job; write one a line, as JSON")
    return planned


def _of_line(name: str, fields: dict[str, Any], settings: Settings) -> Planned:
    from consumer.client.ids import new_job_id

    planned_path = None
    if "source" in fields:
        source = _line_source(name, fields)
        if isinstance(source, Local):
            planned_path = source.path
        fields = {key: value for key, value in fields.items() if key != "source"}
        fields["video_url"] = _address(source, settings)
    fields = {"job_id": new_job_id(), "prompt": DEFAULT_PROMPT} | fields
    try:
        return Planned(VideoJob.model_validate(fields), planned_path, name)
    except ValidationError as error:
        message = invalid(VideoJob, fields, error).message.rstrip(".")
        raise click.UsageError(f"{name}: {message[:1].lower()}{message[1:]}") from None


def _line_source(name: str, fields: Mapping[str, Any]) -> Source:
    text = fields["source"]
    if not isinstance(text, str) or not text:
        raise click.UsageError(f"{name}: source must be a text: a file, or an s3:// or http(s):// address")
    if any(fields.get(other) is not None for other in ("video_url", "video_path")):
        raise click.UsageError(f"{name}: give one of source, video_url and video_path")
    try:
        found = recognise(text)
    except click.UsageError as error:
        raise click.UsageError(f"{name}: source: {error.message}") from None
    if isinstance(found, list):
        raise click.UsageError(f"{name}: source: {text} is a directory or a pattern; write a line for each video")
    return found


def _named(values: Mapping[str, Any]) -> str:
    """The option that stands in the place of SOURCE, if there is one."""
    found = (name for name in ("video_url", "video_path") if values.get(name) is not None)
    return next((f"--{name.replace('_', '-')}" for name in found), "")


def _with_id(values: Mapping[str, Any]) -> dict[str, Any]:
    from consumer.client.ids import new_job_id

    return {**values, "job_id": values.get("job_id") or new_job_id()}


def _address(source: Source, settings: Settings) -> str:
    """Where the video is; of a file, as long an address as it will have."""
    if isinstance(source, Remote):
        return source.url
    from consumer.client.uploading import object_key

    return f"s3://{settings.s3_bucket}/{object_key('0' * 64, source.path)}"


def _size(path: Path, settings: Settings) -> int:
    size = path.stat().st_size
    if size == 0:
        raise click.UsageError(f"the file {path} is empty; name a video")
    if size > settings.max_source_bytes:
        limit = settings.max_source_bytes
        raise click.UsageError(
            f"the file {path} has {size:,} bytes, more than MAX_SOURCE_BYTES ({limit:,}); cut it, or raise that"
        )
    return size
