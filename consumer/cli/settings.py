"""`settings`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from consumer.cli.invocation import Invocation, pass_invocation

if TYPE_CHECKING:
    from consumer.cli.masking import Row


@click.command(short_help="List all settings and where each comes from.")
@click.option("--json", "json_output", is_flag=True, help="As a JSON object, by setting.")
@pass_invocation
def command(invocation: Invocation, json_output: bool) -> None:
    """List every setting with its value and where that came from; secrets are masked."""
    from consumer.cli.format import as_json
    from consumer.cli.masking import rows

    found = rows(invocation.load())
    if json_output:
        click.echo(as_json({row.name: {"value": row.value, "origin": row.origin} for row in found}))
        return
    _print(found)


def _print(found: list[Row]) -> None:
    widths = [max(len(row.name) for row in found), max(len(row.text) for row in found)]
    width = min(widths[1], 48)
    for row in found:
        click.echo(f"{row.name:<{widths[0]}}  {row.text:<{width}}  {row.origin}".rstrip())
