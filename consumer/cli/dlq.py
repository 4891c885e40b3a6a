"""`dlq list`, `dlq show` and `dlq redrive`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from consumer.cli.completion import error_codes
from consumer.cli.invocation import Invocation, pass_invocation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.client.dead_letters import Selection

_PLACE = re.compile(r"\d{1,9}/\d{1,18}")
_SHOWN = 100


def _codes(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    import difflib

    from consumer.errors import ErrorCode

    for value in values:
        if value.upper() not in ErrorCode.__members__:
            near = difflib.get_close_matches(value.upper(), ErrorCode.__members__, 1)
            hint = f"; did you mean {near[0]}?" if near else "; docs/asyncapi.html lists them"
            raise click.UsageError(f"--code: there is no error code {value}{hint}")
    return tuple(value.upper() for value in values)


_code_option = click.option(
    "--code",
    "codes",
    multiple=True,
    metavar="CODE",
    callback=_codes,
    shell_complete=error_codes,
    help="Only this error code; may be repeated.",
)


@click.group(short_help="Look at dead letters, and send them again.")
def command() -> None:
    """Look at the dead letters, the records that are no jobs and the jobs that failed, and send them again.

    A dead letter is named PARTITION/OFFSET, as `list` shows it, or by the id of its job.
    """


@command.command("list", short_help="List dead letters, and what to do about each.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_code_option
@click.option("--all", "everything", is_flag=True, help="Also those that were sent again.")
@click.option("--limit", type=click.IntRange(min=1), default=_SHOWN, show_default=True, help="The newest so many.")
@click.option("--json", "json_output", is_flag=True, help="As a JSON list.")
@pass_invocation
def list_(
    invocation: Invocation,
    names: tuple[str, ...],
    codes: tuple[str, ...],
    everything: bool,
    limit: int,
    json_output: bool,
) -> int:
    """List dead letters, oldest first: name, code, age, attempts, job, and a sentence that says what to do.

    A count by code goes to stderr. Those that were sent again are left out, unless --all.
    """
    import time

    from consumer.cli.dead_letters import Listed, line
    from consumer.cli.format import as_json
    from consumer.client.dead_letters import DeadLetters

    client = DeadLetters(invocation.settings())
    listed = Listed(limit)
    for letter, redriven in client.read(_selection(names, codes)):
        if everything or not redriven:
            listed.add(letter, client.job_id(letter), redriven)
    if json_output:
        click.echo(as_json([entry.fields() for entry in listed.newest]))
    else:
        for entry in listed.newest:
            click.echo(line(entry, now_ms=time.time_ns() // 1_000_000))
    click.echo(listed.summary, err=True)
    return 0


@command.command("show", short_help="Show one dead letter, decoded.")
@click.argument("name", metavar="NAME")
@click.option("--json", "json_output", is_flag=True, help="As a JSON object.")
@pass_invocation
def show(invocation: Invocation, name: str, json_output: bool) -> int:
    """Show one dead letter (of a job with several: the newest), its value decoded as far as it can be.

    User names, passwords and query strings of addresses are masked.
    """
    import time

    from consumer.cli.dead_letters import page, whole
    from consumer.cli.format import as_json
    from consumer.client.dead_letters import DeadLetters
    from consumer.events.codec import EventCodec
    from consumer.events.dissection import dissect
    from consumer.events.models import VideoJob

    _checked([name])
    settings = invocation.settings()
    client = DeadLetters(settings)
    letter, redriven = client.find(name)
    found = dissect(EventCodec.from_settings(settings), VideoJob, letter.value)
    fields = whole(letter, client.job_id(letter), redriven, found)
    click.echo(as_json(fields) if json_output else page(letter, fields, now_ms=time.time_ns() // 1_000_000))
    return 0


@command.command("redrive", short_help="Send dead letters to the jobs topic again.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@_code_option
@click.option("--all", "everything", is_flag=True, help="Every dead letter that was not sent again.")
@click.option("--yes", is_flag=True, help="Send them; without it, they are only shown.")
@pass_invocation
def redrive(invocation: Invocation, names: tuple[str, ...], codes: tuple[str, ...], everything: bool, yes: bool) -> int:
    """Send dead letters to the jobs topic again, as they were received: by NAME, by --code, or --all.

    Without --yes it only shows what it would send. Each is sent exactly once, however often the command is given and
    wherever it is interrupted. The new record says in the header __dlq.redriven.from which dead letter it was. What
    was sent goes to stdout, a line each.
    """
    import time

    from consumer.cli.dead_letters import Entry, cannot_succeed, line
    from consumer.client.dead_letters import DeadLetters

    if everything == bool(names or codes):
        raise click.UsageError(
            "give NAME or --code, or --all"
            if not everything
            else "--all is for every dead letter; leave out NAME and --code"
        )
    client = DeadLetters(invocation.settings())
    count = hopeless = 0
    for letter in client.redrive(_selection(names, codes), send=yes):
        count += 1
        hopeless += cannot_succeed(letter)
        entry = Entry.of(letter, client.job_id(letter), redriven=yes)
        click.echo(line(entry, now_ms=time.time_ns() // 1_000_000))
    if hopeless:
        click.echo(
            f"{hopeless} of them will fail in the same way: their bytes are no valid job, and they are sent as they "
            "are.",
            err=True,
        )
    return _told(count, names, yes)


def _told(count: int, names: Iterable[str], yes: bool) -> int:
    if not count:
        click.echo("Nothing to send: no such dead letter is left; `video-consumer dlq list --all` shows all.", err=True)
        return 1 if names else 0
    what = "1 dead letter" if count == 1 else f"{count} dead letters"
    click.echo(f"Sent {what}." if yes else f"Would send {what}; nothing was sent: add --yes.", err=True)
    return 0


def _selection(names: Iterable[str], codes: Iterable[str]) -> Selection:
    from consumer.client.dead_letters import Selection

    names = list(names)
    _checked(names)
    places = frozenset(name for name in names if "/" in name)
    return Selection(codes=frozenset(codes), jobs=frozenset(names) - places, places=places)


def _checked(names: Iterable[str]) -> None:
    from consumer.events.models import JOB_ID_PATTERN

    for name in names:
        if not re.fullmatch(JOB_ID_PATTERN, name) and not _PLACE.fullmatch(name):
            raise click.UsageError(
                f"{_cut(name)!r} names no dead letter: give PARTITION/OFFSET, for example 3/17, or the id of a job"
            )


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
