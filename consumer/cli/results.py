"""`results`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from consumer.cli.exporting import export_option, write_exports
from consumer.cli.invocation import Invocation, pass_invocation
from consumer.cli.job_options import require_job_ids
from consumer.cli.reporting import ReportOn, pictures_option, report_option, write_report
from consumer.cli.sources import located

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.client import JobResults, VideoJobs
    from consumer.settings import Settings


@click.command(short_help="Show what there is of a job.")
@click.argument("job", metavar="JOB")
@click.option(
    "--json", "json_output", is_flag=True, help="The HTTP response: the final result and chunk_results in full."
)
@export_option
@report_option
@click.option(
    "--video",
    metavar="SOURCE",
    help="Where the report finds the video, a file or an address, if not where the job found it.",
)
@pictures_option
@pass_invocation
def command(
    invocation: Invocation,
    job: str,
    json_output: bool,
    exports: tuple[Path, ...],
    report: Path | None,
    video: str | None,
    pictures: bool,
) -> int:
    """Show the chunk results of a job and, when it is done, its final result.

    With --export also as files: subtitles (a cue a chunk, or an event where the answers are JSON with timed events),
    Markdown, or a table with a row a chunk. With --report as a page for people.

    Exit code 1 while there is no final result, or when nothing is known of the job.
    """
    from consumer.client import VideoJobs

    if video is not None and report is None:
        raise click.UsageError("--video belongs to --report")
    require_job_ids([job])
    settings = invocation.settings()
    with VideoJobs(settings) as client:
        found = client.results(job)
        if report is not None:
            settings, on = _report_on(client, settings, found, video)
    if json_output:
        click.echo(_json(found))
    else:
        _print(found)
    write_exports(exports, settings, job, found.chunks, found.final)
    if report is not None:
        write_report(report, settings, on, pictures=pictures)
    if found.final is None:
        planned = found.chunks[-1].num_chunks
        click.echo(f"The job {job} is not done: {len(found.chunks)} of {planned} chunks are there.", err=True)
        return 1
    return 0


def _report_on(
    client: VideoJobs, settings: Settings, found: JobResults, video: str | None
) -> tuple[Settings, ReportOn]:
    """What is reported, and the settings under which its video may be read."""
    source = _source(client, found)
    asked = client.submitted(found)
    # A job that put the answers of another one together again names no video.
    looked = asked if source is found else client.submitted(source)
    if video is not None:
        settings, address = located(video, settings)
    else:
        address = {} if looked is None else {"video_url": looked.video_url, "video_path": looked.video_path}
    on = ReportOn(
        found.job_id,
        source.chunks,
        found.final,
        asked,
        address.get("video_url"),
        address.get("video_path"),
        looked if video is None else None,
    )
    return settings, on


def _source(client: VideoJobs, found: JobResults) -> JobResults:
    """The results that hold the chunks' texts: the job's own, or those that it put together again."""
    from consumer.client import UnknownJobError

    made = found.final.provenance if found.final is not None else None
    if found.chunks or made is None or made.source_job_id is None or made.source_run_id is None:
        return found
    try:
        return client.results(made.source_job_id, made.source_run_id)
    except UnknownJobError:
        return found


def _json(found: JobResults) -> str:
    from consumer.cli.format import as_json
    from consumer.report.exports.outcome import Outcome, response

    return as_json(response(Outcome(found.job_id, found.chunks, found.final)))


def _print(found: JobResults) -> None:
    from consumer.cli.format import answer_text, chunk_text, failure, span, summary

    for chunk in found.chunks:
        click.echo(f"[{span(chunk)}] {chunk_text(chunk)}")
    final = found.final
    if final is None:
        return
    click.echo(f"\n{summary(final)}" if found.chunks else summary(final))
    if final.aggregated_response:
        click.echo(answer_text(final))
    if final.error is not None:
        click.echo(failure(final.error))
