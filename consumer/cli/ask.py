"""`ask`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from consumer.cli.invocation import Invocation, pass_invocation
from consumer.cli.job_options import require_job_ids

if TYPE_CHECKING:
    from consumer.client import VideoJobs
    from consumer.events.models import VideoJob


@click.command(short_help="Ask a second question about a finished job.")
@click.argument("job", metavar="JOB")
@click.option("--again", metavar="TEXT", help="Put the stored answers of the chunks together anew, as TEXT says.")
@click.option("--zoom", metavar="TEXT", help="Look again at the chunks that matter to the question TEXT.")
@click.option("--video-url", metavar="URL", help="The video for --zoom, where the jobs topic holds the job no more.")
@click.option("--wait/--no-wait", default=True, help="Wait for the answer, or print the new job's id.  [default: wait]")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="How long to wait at most.")
@pass_invocation
def command(
    invocation: Invocation,
    job: str,
    again: str | None,
    zoom: str | None,
    video_url: str | None,
    wait: bool,
    timeout: float | None,
) -> int:
    """Ask a second question about the finished job JOB, as a job of its own; the answer goes to stdout.

    With --again no video is looked at: the texts of the chunks are read once more. With --zoom the model chooses by
    these texts the chunks that matter, 8 at most, and looks at them alone, with as many frames as fit. The new results
    say in their provenance which job they are about. Exit code 1 unless the answer is whole.
    """
    from consumer.client import VideoJobs

    if (again is None) == (zoom is None):
        raise click.UsageError("give one of --again TEXT and --zoom TEXT")
    if not (again or zoom or "").strip():
        raise click.UsageError(f"{'--zoom' if again is None else '--again'} needs a text")
    if video_url is not None and zoom is None:
        raise click.UsageError("--video-url belongs to --zoom; --again looks at no video")
    if timeout is not None and not wait:
        raise click.UsageError("--timeout belongs to --wait")
    require_job_ids([job])
    with VideoJobs(invocation.settings()) as client:
        handle = client.submit(_job(client, job, again, zoom, video_url))
        if not wait:
            click.echo(handle.job_id)
            return 0
        from consumer.cli.format import answer_text, failure
        from consumer.cli.progress import display
        from consumer.events.models import VideoResult

        with display(sys.stderr, [handle.job_id], answers=False) as shown:
            for event in client.follow([handle], timeout):
                shown.show(event)
    if not isinstance(event, VideoResult):
        raise AssertionError("following ends with the final result")
    if event.aggregated_response:
        click.echo(answer_text(event))
    if event.error is not None:
        click.echo(failure(event.error), err=True)
    return 0 if event.status == "succeeded" else 1


def _job(client: VideoJobs, job: str, again: str | None, zoom: str | None, video_url: str | None) -> VideoJob:
    """The job to submit.

    Raises:
        UnknownJobError, NotDoneError: there is nothing to ask about.
        click.UsageError: nobody knows where the video is.
    """
    from pydantic import ValidationError

    from consumer.client import new_job_id
    from consumer.client.second import again_job, source_of, zoom_job
    from consumer.events.models import DEFAULT_PROMPT, VideoJob

    results = client.results(job)
    source = source_of(results)
    try:
        if again is not None:
            return again_job(new_job_id(), source, again)
        if video_url is not None:
            first = VideoJob(job_id=source[0], prompt=DEFAULT_PROMPT, video_url=video_url)
        else:
            own = results if source[0] == job else client.results(*source)
            found = client.submitted(own)
            if found is None:
                raise click.UsageError(f"the jobs topic holds the job {source[0]} no more; give --video-url")
            first = found
        return zoom_job(new_job_id(), source, zoom or "", first)
    except ValidationError as error:
        raise click.UsageError(f"the question is wrong: {error.errors(include_url=False)[0]['msg']}") from None
