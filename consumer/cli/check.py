"""`check`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from consumer.cli.invocation import Invocation, pass_invocation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from consumer.cli.checks import Finding

_READ = "read config.yaml, environment and options"
_MARKS = {True: ("ok", "green"), False: ("FAILED", "red"), None: ("-", "yellow")}


@click.command(short_help="Try out settings, Kafka, store and engine.")
@click.option("--json", "json_output", is_flag=True, help="As a JSON list of {name, ok, tried, found, to_do}.")
@click.option("--quick", is_flag=True, help="Look for the model, but do not load it.")
@pass_invocation
def command(invocation: Invocation, json_output: bool, quick: bool) -> int:
    """Try out settings, broker, topics, registry, bucket and engine: one line each, exit code 1 if one failed.

    A line says what was tried, what was found and, unless all is well, what to do.
    The engine is started, which takes as long as it takes `run`, and asked about two small clips.
    """
    from consumer.cli.checks import failed, findings
    from consumer.cli.format import as_json
    from consumer.errors import ConfigurationError

    try:
        settings = invocation.settings()
    except ConfigurationError as error:
        tried: Iterable[Finding] = [failed("settings", _READ, str(error))]
    else:
        tried = _with_settings(invocation.mistyped(), findings(settings, quick=quick))
    done = []
    for finding in tried:
        done.append(finding)
        if not json_output:
            _print(finding)
    if json_output:
        click.echo(as_json([dataclasses.asdict(finding) for finding in done]))
    return 1 if any(finding.ok is False for finding in done) else 0


def _with_settings(mistyped: Mapping[str, str], others: Iterable[Finding]) -> Iterable[Finding]:
    from consumer.cli.checks import Finding

    yield Finding("settings", True, _READ, "All are valid; `video-consumer settings` lists them.")
    for variable, meant in mistyped.items():
        found = f"The variable {variable} is no setting, and of no effect."
        yield Finding("settings", None, _READ, found, f"Name it {meant}, if that was meant.")
    yield from others


def _print(finding: Finding) -> None:
    mark, colour = _MARKS[finding.ok]
    line = f"{finding.tried}: {finding.found}" + (f" To do: {finding.to_do}" if finding.to_do is not None else "")
    click.echo(f"{click.style(f'{mark:<6}', fg=colour)}  {finding.name:<8}  {' '.join(line.split())}")
