"""`demo`."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

import click

from consumer.cli.invocation import Invocation, pass_invocation
from consumer.cli.reporting import report_option


@click.command(short_help="Run everything on this machine, without network.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of the generated video; without it a new one.")
@click.option("--seconds", type=click.IntRange(10, 3600), default=120, show_default=True, help="Length of the video.")
@click.option("--video", type=click.Path(path_type=Path), metavar="FILE", help="A video of yours instead.")
@report_option
@pass_invocation
def command(invocation: Invocation, seed: int | None, seconds: int, video: Path | None, report: Path | None) -> int:
    """Generate a video, put it through broker, consumer and vLLM in this process, compare the answers with the truth.

    Needs the extra `cpu` (`make install`); no network, GPU, Docker or Java. Settings are the demo's own. Exit code 1 if
    the job failed or the answers are wrong.
    """
    if video is not None and not os.path.isfile(video):  # noqa: PTH113 - False for a name that no file can have
        raise click.UsageError(f"--video: there is no file {video}")
    from consumer.demo.display import display
    from consumer.demo.interrupts import Interrupts
    from consumer.demo.run import Plan, run_demo
    from consumer.telemetry.logs import configure_logging

    # Or the processes of vLLM would be left behind.
    interrupts = Interrupts()
    interrupts.install()
    configure_logging("console", "DEBUG" if invocation.debug else "ERROR")
    chosen = seed if seed is not None else secrets.randbelow(100_000)
    with display(sys.stdout) as show:
        return run_demo(Plan(chosen, seconds, video, report, invocation.debug), show, interrupts.check)
