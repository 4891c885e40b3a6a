"""`results`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from consumer.cli.exporting import export_option, write_exports
from consumer.cli.invocation import Invocation, pass_invocation

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.client import JobResults


@click.command(short_help="Show what there is of a job.")
@click.argument("job", metavar="JOB")
@click.option(
    "--json", "json_output", is_flag=True, help="The HTTP response: the final result and chunk_results in full."
)
@export_option
@pass_invocation
def command(invocation: Invocation, job: str, json_output: bool, exports: tuple[Path, ...]) -> int:
    """Show the chunk results of a job and, when it is done, its final result.

    With --export also as files: subtitles (a cue a chunk, or an event where the answers are JSON with timed events),
    Markdown, or a table with a row a chunk.

    Exit code 1 while there is no final result, or when nothing is known of the job.
    """
    from consumer.client import VideoJobs

    settings = invocation.settings()
    with VideoJobs(settings) as client:
        found = client.results(job)
    if json_output:
        click.echo(_json(found))
    else:
        _print(found)
    write_exports(exports, settings, job, found.chunks, found.final)
    if found.final is None:
        planned = found.chunks[-1].num_chunks
        click.echo(f"The job {job} is not done: {len(found.chunks)} of {planned} chunks are there.", err=True)
        return 1
    return 0


def _json(found: JobResults) -> str:
    from consumer.cli.format import as_json
    from consumer.report.exports.outcome import Outcome, response

    return as_json(response(Outcome(found.job_id, found.chunks, found.final)))


def _print(found: JobResults) -> None:
    from consumer.cli.format import chunk_text, failure, span, summary

    for chunk in found.chunks:
        click.echo(f"[{span(chunk)}] {chunk_text(chunk)}")
    final = found.final
    if final is None:
        return
    click.echo(f"\n{summary(final)}" if found.chunks else summary(final))
    if final.aggregated_response:
        click.echo(final.aggregated_response.strip())
    if final.error is not None:
        click.echo(failure(final.error))
