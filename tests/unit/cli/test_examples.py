"""The help of each command: its examples are there, fit a terminal, and are taken by the parser."""

from __future__ import annotations

import click
import pytest

from consumer.cli.examples import EXAMPLES
from consumer.cli.main import main
from tests.command_lines import every_command, parsing_only, problem

COMMANDS = dict(every_command())
LEAVES = {name for name, command in COMMANDS.items() if not isinstance(command, click.Group)}


def test_every_command_has_examples_and_no_other() -> None:
    assert {name for name in EXAMPLES if name} == LEAVES


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_shows_them_within_80_columns(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    wanted = [line for known, lines in EXAMPLES.items() if f"{known} ".startswith(f"{name} ") for line in lines]
    assert wanted
    assert shown.split("Examples:\n")[1].startswith("\n".join(f"    {line}" for line in wanted))
    assert [line for line in shown.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(
    "line", [line for lines in EXAMPLES.values() for line in lines if line.startswith("video-consumer")]
)
def test_the_parser_takes_each(line: str) -> None:
    assert problem(line.partition(" | ")[0]) is None


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("video-consumer submit a.mp4 --fsp 2", "--fps"),
        ("video-consumer submit a.mp4 --fps 0", "--fps"),
        ("video-consumer submit a.mp4 --set CHUNK_DURATIONS=3", "CHUNK_DURATION"),
        ("video-consumer submit a.mp4 --engine vlm", "ENGINE"),
        ("video-consumer dlq lst", "list"),
        ("video-consumer topics create more", "extra"),
    ],
)
def test_a_wrong_line_would_be_seen(line: str, part: str) -> None:
    assert part in (problem(line) or "")


def test_nothing_is_run_meanwhile() -> None:
    with parsing_only() as seen:
        assert main(["demo"]) == 0
    assert [context.command_path for context in seen] == ["video-consumer demo"]


@pytest.mark.parametrize("name", ["dlq", "topics", "runpod", "runpod pods"])
def test_groups_tell_each_command_in_a_whole_sentence(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "--help"]) == 0
    assert "..." not in capsys.readouterr().out.split("Commands:")[1]
