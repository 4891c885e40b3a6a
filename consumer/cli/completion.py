"""`completion`, and what shells are offered for the values of options and arguments."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PROGRAM = "video-consumer"
COMPLETE_VARIABLE = "_VIDEO_CONSUMER_COMPLETE"
"""What the scripts set when they ask this program what may follow; click derives it from the program's name."""

Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem[str]]"]


@click.command(short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL")
def command(shell: str) -> int:
    """Print the script by which SHELL completes commands, options, files, settings and error codes.

    Put the line for your shell into ~/.bashrc (bash 4.4 or newer), ~/.zshrc (behind compinit) or
    ~/.config/fish/config.fish.
    """
    from click.shell_completion import get_completion_class

    from consumer.cli import bash_completion  # noqa: F401 - in the place of click's own

    root = click.get_current_context().find_root().command
    found = get_completion_class(shell)
    if found is None:
        raise AssertionError(f"click knows no {shell}")
    click.echo(found(root, {}, PROGRAM, COMPLETE_VARIABLE).source())
    return 0


def files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The shell's own files and directories."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def setting_names(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """`NAME=` for each setting, and behind it the values of those that can only have some."""
    from click.shell_completion import CompletionItem

    from consumer.setting_sources import PASS_THROUGH
    from consumer.settings import Settings

    name, equals, begun = incomplete.partition("=")
    if equals:
        return [CompletionItem(f"{name}={value}") for value in _values(name.lower()) if value.startswith(begun)]
    fields = {one: field for one, field in Settings.model_fields.items() if one not in PASS_THROUGH}
    # In the case that was begun with.
    written = {(one if incomplete.islower() else one.upper()): field for one, field in fields.items()}
    return [
        CompletionItem(f"{one}=", help=field.description)
        for one, field in written.items()
        if one.startswith(incomplete)
    ]


def values_of(setting: str) -> Completer:
    """The values of a setting that can only have some; files, where it names one."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        if setting == "model_name":
            return files(context, parameter, incomplete)
        return [CompletionItem(value) for value in _values(setting) if value.startswith(incomplete)]

    return complete


def error_codes(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The codes of errors, each with its sentence."""
    from click.shell_completion import CompletionItem

    from consumer.errors import CODES

    return [
        CompletionItem(code.value, help=info.sentence)
        for code, info in CODES.items()
        if code.value.startswith(incomplete.upper())
    ]


def _values(setting: str) -> list[str]:
    from consumer.settings import Settings

    field = Settings.model_fields.get(setting)
    if field is None:
        return []
    if field.annotation is bool:
        return ["true", "false"]
    return _literals(field.annotation)


def _literals(annotation: object) -> list[str]:
    """The strings of every Literal in an annotation such as `Literal["a", "b"] | None`."""
    if typing.get_origin(annotation) is typing.Literal:
        return [str(one) for one in typing.get_args(annotation)]
    return [value for part in typing.get_args(annotation) for value in _literals(part)]
