"""Puts command lines through the real parser without running the commands; for help and documents."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import click

from consumer.cli.invocation import Invocation, assigned
from consumer.cli.job_options import build_job
from consumer.cli.main import cli, main
from consumer.events.models import VideoJob


@contextmanager
def parsing_only() -> Iterator[list[click.Context]]:
    """Within it, commands are parsed and not run; the list holds the contexts of the innermost."""
    seen: list[click.Context] = []

    def keep(command: click.Command, context: click.Context) -> int:
        if not isinstance(command, click.Group):
            seen.append(context)
        return 0

    with mock.patch.object(click.Command, "invoke", keep):
        yield seen


def problem(line: str) -> str | None:
    """What is wrong with a command line that begins with video-consumer, as far as parsing tells; None: nothing."""
    words = shlex.split(line, comments=True)
    said: list[str] = []
    with parsing_only() as seen, mock.patch("click.echo", lambda text=None, **_: said.append(str(text))):
        if (code := main(words[1:])) != 0:
            return f"{line}: exit code {code}: {' '.join(said)}"
    for context in seen:
        if found := _wrong_value(context):
            return f"{line}: {found}"
    return None


def _wrong_value(context: click.Context) -> str | None:
    """A setting or a field of a job that does not hold."""
    invocation = context.find_root().ensure_object(Invocation)
    if "aggregation_prompt" not in context.params:
        values: dict[str, Any] = {}
    else:
        values = {name: value for name, value in context.params.items() if name in VideoJob.model_fields}
        values |= {"job_id": values.get("job_id") or "job-1"}
        # A file that the reader has.
        if str(values["response_schema"] or "").startswith("@"):
            values["response_schema"] = None
        if values["video_url"] is None and values["video_path"] is None:
            values["video_url"] = "s3://videos/talk.mp4"
    try:
        if invocation.assignments or invocation.values:
            invocation.load()
        assigned(invocation.assignments)
        if values:
            build_job(values)
    except Exception as error:  # noqa: BLE001 - whatever it says is what is wrong with the line
        return str(error)
    return None


def find_command(words: list[str]) -> tuple[click.Command, list[str]] | None:
    """The command that the first words name, and the words behind its name; None: there is none."""
    command: click.Command = cli
    context = click.Context(cli)
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        if found is None:
            return None
        command, rest = found, rest[1:]
    return command, rest


def every_command(command: click.Command = cli, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """All commands and groups below the program, by their whole names."""
    if not isinstance(command, click.Group):
        return
    context = click.Context(command)
    for nested_name in command.list_commands(context):
        nested = command.get_command(context, nested_name)
        assert nested is not None
        whole = f"{name} {nested_name}".strip()
        yield whole, nested
        yield from every_command(nested, whole)
