"""`run`."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import click

from consumer.cli.invocation import Invocation, pass_invocation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.settings import Settings

SERVERLESS = "RUNPOD_WEBHOOK_GET_JOB"
"""Set by RunPod where requests come from its queue."""


@click.command(short_help="Consume jobs until stopped.")
@pass_invocation
def command(invocation: Invocation) -> int:
    """Consume jobs until SIGTERM or Ctrl-C; running chunks may finish within SHUTDOWN_GRACE_SECONDS.

    Metrics and health are served on HTTP_PORT. On a serverless worker of RunPod, which starts the image with its own
    command, this is `serve`.
    """
    _end_on_signals()
    settings = invocation.load().settings
    if strange := invocation.mistyped():
        _warn(settings, strange)
    if SERVERLESS in os.environ:
        from consumer.runpod.server import serve
        from consumer.telemetry.logs import configure_logging

        configure_logging(settings.log_format, settings.log_level)
        return serve(settings, None)
    from consumer.worker import run_worker

    return run_worker(settings)


def _warn(settings: Settings, mistyped: Mapping[str, str]) -> None:
    import structlog

    from consumer.telemetry.logs import configure_logging

    configure_logging(settings.log_format, settings.log_level)
    _log = structlog.get_logger(__name__)
    for variable, meant in mistyped.items():
        _log.warning("setting_unknown", variable=variable, did_you_mean=meant)


def _end_on_signals() -> None:
    """Until the worker has handlers of its own, which takes a second of imports, there is nothing to leave in order.

    Not by an exception: in the middle of an import, or of a callback, it may get lost.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
