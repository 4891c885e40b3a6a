"""`watch`."""

from __future__ import annotations

import sys

import click

from consumer.cli.invocation import Invocation, pass_invocation
from consumer.cli.job_options import require_job_ids


@click.command(short_help="Follow jobs, or all of them, as their results come.")
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="How long to watch at most.")
@pass_invocation
def command(invocation: Invocation, jobs: tuple[str, ...], timeout: float | None) -> int:
    """Show the results of jobs as they are committed: one line a result in a pipe; on a terminal the texts scroll above
    a table with each job's state, chunks done and planned, failed ones, speed (seconds of video a second of work), time
    left and worker, as far as its width allows.

    Ends when every JOB has its final result; without JOB, shows all jobs from now on until Ctrl-C.
    """
    from consumer.cli.progress import display
    from consumer.client import VideoJobs

    require_job_ids(jobs)
    with VideoJobs(invocation.settings()) as client, display(sys.stdout, jobs) as shown:
        for event in client.follow(jobs or None, timeout):
            shown.show(event)
    return 0
