"""`run`."""

from __future__ import annotations

import click

from consumer.cli.invocation import Invocation, pass_invocation


@click.command(short_help="Consume jobs until stopped.")
@pass_invocation
def command(invocation: Invocation) -> int:
    """Consume jobs until SIGTERM or Ctrl-C; running chunks may finish within SHUTDOWN_GRACE_SECONDS.

    Metrics and health are served on HTTP_PORT.
    """
    settings = invocation.load().settings
    from consumer.worker import run_worker

    return run_worker(settings)
