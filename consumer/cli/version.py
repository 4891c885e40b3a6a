"""`version`."""

from __future__ import annotations

import click


@click.command(short_help="Show all versions that matter for a report of a bug.")
@click.option("--json", "json_output", is_flag=True, help="As a JSON object; null: not there.")
def command(json_output: bool) -> None:
    """Show the versions of this package and of what it works with: put them into every report of a bug.

    The packages of the model are looked up, not loaded. `--version` shows that of this package alone.
    """
    from consumer.cli.versions import versions

    found = versions()
    if json_output:
        from consumer.cli.format import as_json

        click.echo(as_json(found))
        return
    width = max(map(len, found))
    for name, version in found.items():
        click.echo(f"{name:<{width}}  {version if version is not None else '-'}")
