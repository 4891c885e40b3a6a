"""`video-consumer`: finds the command, and turns whatever goes wrong into one sentence and an exit code."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from consumer import __version__
from consumer.cli.completion import COMPLETE_VARIABLE, PROGRAM
from consumer.cli.examples import epilog
from consumer.cli.invocation import Invocation, shared_options, with_shared_options
from consumer.errors import ConfigurationError, FencedError, VideoConsumerError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

FAILED, USAGE, FENCED, CONFIGURATION, INTERRUPTED = 1, 2, 3, 4, 130

# Each in a module of its name, imported when it is called; the sentence is the command's short help.
COMMANDS = {
    "run": "Consume jobs until stopped.",
    "process": "Describe one video without Kafka.",
    "submit": "Send jobs; their ids go to stdout.",
    "watch": "Follow jobs, or all of them, as their results come.",
    "results": "Show what there is of a job.",
    "cancel": "Ask for a stop of jobs; finished chunks are kept.",
    "ask": "Ask a second question about a finished job.",
    "estimate": "Say what jobs will cost; nothing is spent.",
    "dlq": "Look at dead letters, and send them again.",
    "topics": "Make or check the topics.",
    "check": "Try out settings, Kafka, store and engine.",
    "settings": "List all settings and where each comes from.",
    "demo": "Run everything on this machine, without network.",
    "serve": "Answer HTTP requests as a RunPod worker.",
    "runpod": "Make, list and remove worker pods on RunPod.",
    "autoscale": "Keep as many pods on RunPod as the backlog needs.",
    "completion": "Print the completion script of a shell.",
    "version": "Show all versions that matter for a report of a bug.",
}


class LazyGroup(click.Group):
    """A group whose help and whose commands each import only what they need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"consumer.cli.{cmd_name}")
        command: click.Command = module.command
        return with_shared_options(command, cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Commands and options, without importing any command."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not ctx.resilient_parsing:
            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"there is no command {args[0]}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


cli = LazyGroup(
    name=PROGRAM,
    params=shared_options(hidden=False),
    help=(
        "Put videos through Qwen3-VL, from Kafka and back, each result exactly once.\n\n"
        "Settings come from config.yaml, the environment and these options, the later ones winning; the options may "
        "also stand behind the command."
    ),
    epilog=f"{epilog('')}\n\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 fenced, 4 configuration.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
cli = click.version_option(__version__, prog_name=PROGRAM)(cli)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. An error of another type than ours is a bug and keeps its traceback."""
    invocation = Invocation()
    if os.environ.get(COMPLETE_VARIABLE, "").startswith("bash"):
        from consumer.cli import bash_completion  # noqa: F401 - in the place of click's own
    try:
        code = cli.main(
            args=None if arguments is None else list(arguments),
            prog_name=PROGRAM,
            complete_var=COMPLETE_VARIABLE,
            standalone_mode=False,
            obj=invocation,
            # None: where the stream is a terminal.
            color=False if os.environ.get("NO_COLOR") else None,
        )
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return USAGE
    except click.UsageError as error:
        return _say(_usage_sentence(error), USAGE, invocation)
    except click.ClickException as error:
        return _say(error.format_message(), FAILED, invocation)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # Or the interpreter complains at exit that it cannot flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except ConfigurationError as error:
        return _say(str(error), CONFIGURATION, invocation)
    except FencedError as error:
        return _say(str(error), FENCED, invocation)
    except VideoConsumerError as error:
        return _say(str(error), FAILED, invocation)
    return code if isinstance(code, int) else 0


def _usage_sentence(error: click.UsageError) -> str:
    command = error.ctx.command_path if error.ctx is not None else PROGRAM
    return f"{command}: {' '.join(error.format_message().split()).rstrip('.')} (see `{command} --help`)."


def _say(sentence: str, code: int, invocation: Invocation) -> int:
    if invocation.debug:
        traceback.print_exc()
    click.echo(sentence, err=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
