"""`results`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from consumer.cli.invocation import Invocation, pass_invocation

if TYPE_CHECKING:
    from consumer.client import JobResults


@click.command(short_help="Show what there is of a job.")
@click.argument("job", metavar="JOB")
@click.option(
    "--json", "json_output", is_flag=True, help="The HTTP response: the final result and chunk_results in full."
)
@pass_invocation
def command(invocation: Invocation, job: str, json_output: bool) -> int:
    """Show the chunk results of a job and, when it is done, its final result.

    Exit code 1 while there is no final result, or when nothing is known of the job.
    """
    from consumer.client import VideoJobs

    with VideoJobs(invocation.settings()) as client:
        found = client.results(job)
    if json_output:
        click.echo(_json(found))
    else:
        _print(found)
    if found.final is None:
        planned = found.chunks[-1].num_chunks
        click.echo(f"The job {job} is not done: {len(found.chunks)} of {planned} chunks are there.", err=True)
        return 1
    return 0


def _json(found: JobResults) -> str:
    from consumer.cli.format import as_json, response

    if found.final is not None:
        return as_json(response(found.final, found.chunks))
    chunks = [chunk.model_dump(mode="json") for chunk in found.chunks]
    return as_json({"job_id": found.job_id, "status": None, "chunk_results": chunks})


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
