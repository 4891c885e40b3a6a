"""`submit`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from consumer.cli.completion import files
from consumer.cli.invocation import Invocation, pass_invocation
from consumer.cli.job_options import build_job, job_options
from consumer.cli.sources import Local, Remote, Source, expand

if TYPE_CHECKING:
    from consumer.client import JobHandle, VideoJobs
    from consumer.events.models import VideoJob
    from consumer.settings import Settings


@click.command(short_help="Send jobs; their ids go to stdout.")
@click.argument("sources", nargs=-1, metavar="SOURCE...", shell_complete=files)
@job_options
@click.option("--wait", is_flag=True, help="Follow the jobs; exit code 1 unless all succeed.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="How long --wait waits at most.")
@pass_invocation
def command(
    invocation: Invocation, /, sources: tuple[str, ...], wait: bool, timeout: float | None, **fields: Any
) -> int:
    """Send one job for each SOURCE: an s3:// or http(s):// address, a file, or a directory of videos.

    Files are uploaded to the bucket S3_BUCKET first. Nothing is sent or uploaded unless every job is valid. The job
    ids, and nothing else, go to stdout.
    """
    from consumer.client import VideoJobs

    if timeout is not None and not wait:
        raise click.UsageError("--timeout belongs to --wait")
    settings = invocation.settings()
    jobs = plan(expand(sources), fields, settings)
    with VideoJobs(settings) as client:
        handles = [_send(client, settings, job, path) for job, path in jobs]
        return _follow(client, handles, timeout) if wait else 0


def plan(sources: list[Source], fields: dict[str, Any], settings: Settings) -> list[tuple[VideoJob, Path | None]]:
    """The jobs and, where there is one, the file that must be uploaded for it.

    Raises:
        click.UsageError: a field is wrong, or the options do not fit the number of sources.
    """
    from consumer.client import new_job_id
    from consumer.client.store import object_key

    named = [f"--{name.replace('_', '-')}" for name in ("video_url", "video_path") if fields.get(name) is not None]
    if bool(sources) == bool(named):
        raise click.UsageError(f"give either SOURCE or {named[0]}, not both" if sources else "give at least one SOURCE")
    if len(sources) > 1 and fields.get("job_id") is not None:
        raise click.UsageError(f"--job-id names one job, but there are {len(sources)} sources")
    jobs: list[tuple[VideoJob, Path | None]] = []
    wanted: list[Source | None] = list(sources) or [None]
    for source in wanted:
        values = fields | {"job_id": fields.get("job_id") or new_job_id()}
        path = source.path if isinstance(source, Local) else None
        if isinstance(source, Remote):
            values["video_url"] = source.url
        elif path is not None:
            values["video_url"] = f"s3://{settings.s3_bucket}/{object_key(values['job_id'], path)}"
        jobs.append((build_job(values), path))
    return jobs


def _send(client: VideoJobs, settings: Settings, job: VideoJob, path: Path | None) -> JobHandle:
    if path is not None:
        _upload(settings, job, path)
    handle = client.submit(job)
    click.echo(handle.job_id)
    return handle


def _upload(settings: Settings, job: VideoJob, path: Path) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from consumer.client.store import Bucket, object_key

    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"Uploading {path.name}", total=path.stat().st_size)
        Bucket(settings).upload(path, object_key(job.job_id, path), lambda sent: progress.advance(task, sent))


def _follow(client: VideoJobs, handles: list[JobHandle], timeout: float | None) -> int:
    from consumer.cli.progress import display
    from consumer.events.models import VideoResult

    finals = []
    with display(sys.stderr, [handle.job_id for handle in handles]) as shown:
        for event in client.follow(handles, timeout):
            shown.show(event)
            if isinstance(event, VideoResult):
                finals.append(event)
    return 0 if all(final.status == "succeeded" for final in finals) else 1
