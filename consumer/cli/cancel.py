"""`cancel`."""

from __future__ import annotations

import click

from consumer.cli.invocation import Invocation, pass_invocation
from consumer.cli.job_options import require_job_ids


@click.command(short_help="Ask for a stop of jobs; finished chunks are kept.")
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...")
@click.option("--reason", metavar="TEXT", help="Kept in the request, for those who look into it.")
@pass_invocation
def command(invocation: Invocation, jobs: tuple[str, ...], reason: str | None) -> int:
    """Ask for a stop of each JOB: its final result then says cancelled and keeps the chunks that were finished.

    A job that has not started ends as soon as it would; for one that is done, or that nobody knows, nothing changes.
    """
    from consumer.client import VideoJobs

    require_job_ids(jobs)
    with VideoJobs(invocation.settings()) as client:
        for job in jobs:
            client.cancel(job, reason)
    return 0
