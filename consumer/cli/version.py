"""`version`."""

from __future__ import annotations

import click

from consumer import __version__


@click.command(short_help="Show the version.")
def command() -> None:
    """Show the version of this package."""
    click.echo(__version__)
