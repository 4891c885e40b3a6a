"""`submit`."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from consumer.cli.completion import files
from consumer.cli.invocation import Invocation, pass_invocation
from consumer.cli.job_options import job_options

if TYPE_CHECKING:
    from consumer.cli.submitting import Planned
    from consumer.cli.uploads import Uploads
    from consumer.client import JobHandle, VideoJobs
    from consumer.settings import Settings


@click.command(short_help="Send jobs; their ids go to stdout.")
@click.argument("sources", nargs=-1, metavar="SOURCE...", shell_complete=files)
@click.option(
    "--from-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A job a line, as JSON; `source` in it may be a file. -: stdin.",
)
@job_options
@click.option("--wait", is_flag=True, help="Follow the jobs; exit code 1 unless all succeed.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="How long --wait waits at most.")
@pass_invocation
def command(
    invocation: Invocation,
    /,
    sources: tuple[str, ...],
    from_file: Path | None,
    wait: bool,
    timeout: float | None,
    **fields: Any,
) -> int:
    """Send one job for each SOURCE: an s3:// or http(s):// address, a file, a directory of videos, or a pattern.

    Files are uploaded to the bucket S3_BUCKET first, several at once, and not again where their content is there. With
    --from-file the jobs are the lines of a file; options then hold for what a line does not say. Nothing is sent or
    uploaded unless every job is valid. The job ids, and nothing else, go to stdout, in the order of the sources.
    """
    from consumer.cli.submitting import plan
    from consumer.client import VideoJobs

    if timeout is not None and not wait:
        raise click.UsageError("--timeout belongs to --wait")
    settings = invocation.settings()
    jobs = plan(sources, from_file, fields, settings)
    with VideoJobs(settings) as client:
        for one in jobs:
            _check(client, one)
        client.require_topic()
        handles = _send_all(client, settings, jobs)
        return _follow(client, handles, timeout) if wait else 0


def _check(client: VideoJobs, one: Planned) -> None:
    from consumer.client import JobTooLargeError, RefusedJobError

    name = f"{one.line}: " if one.line is not None else ""
    try:
        client.check(one.job)
    except RefusedJobError as error:
        raise click.UsageError(f"{name}{error.reason}") from None
    except JobTooLargeError as error:
        raise JobTooLargeError(f"{name}{error}") from None


def _send_all(client: VideoJobs, settings: Settings, jobs: list[Planned]) -> list[JobHandle]:
    from consumer.errors import VideoConsumerError

    handles: list[JobHandle] = []
    with ExitStack() as stack:
        files = [one.path for one in jobs if one.path is not None]
        sending = stack.enter_context(_uploads(settings)) if files else None
        try:
            if sending is not None:
                sending.start(files)
            for one in jobs:
                job = one.at(sending.address(one.path)) if sending is not None and one.path is not None else one.job
                handles.append(client.submit(job))
                click.echo(handles[-1].job_id)
        except VideoConsumerError:
            if handles:
                sentence = f"Sent: the first {len(handles)} of {len(jobs)} jobs; then there was an error."
                click.echo(sentence, err=True)
            raise
        if sending is not None and sending.skipped:
            click.echo(f"In the bucket already: {sending.skipped} of {len(set(files))} files.", err=True)
    return handles


def _uploads(settings: Settings) -> AbstractContextManager[Uploads]:
    from rich.console import Console

    from consumer.cli.uploads import uploads
    from consumer.client.store import Bucket

    return uploads(Bucket(settings), Console(stderr=True))


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
