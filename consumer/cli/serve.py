"""`serve`."""

from __future__ import annotations

import os

import click
from click.core import ParameterSource

from consumer.cli.invocation import Invocation, pass_invocation
from consumer.cli.run import SERVERLESS


@click.command(short_help="Answer HTTP requests as a RunPod worker.")
@click.option("--local", is_flag=True, help="Serve /run, /runsync, /status, /cancel and /health here.")
@click.option("--host", default="localhost", show_default=True, help="Address of --local.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port of --local.")
@pass_invocation
def command(invocation: Invocation, /, local: bool, host: str, port: int) -> int:
    """Answer requests of the form {"input": {"video_url": ...}}, from RunPod's queue, or with --local over HTTP.

    No Kafka is involved. The answer holds all chunk results; the engine and the store are set up as for `run`, and
    metrics and health are served on HTTP_PORT.
    """
    asked = click.get_current_context().get_parameter_source
    for name in ("host", "port"):
        if not local and asked(name) is not ParameterSource.DEFAULT:
            raise click.UsageError(f"--{name} belongs to --local")
    if not local and SERVERLESS not in os.environ:
        raise click.UsageError(f"this is no serverless worker of RunPod ({SERVERLESS} is not set); add --local")
    settings = invocation.settings(log_level="INFO")
    from consumer.runpod.server import LocalAddress, serve

    return serve(settings, LocalAddress(host, port) if local else None)
