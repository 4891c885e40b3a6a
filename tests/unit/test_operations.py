"""docs/operations.md names only commands, options, settings, topics and pages that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from consumer.cli.main import cli
from consumer.errors import ErrorCode
from consumer.events.topics import Topics
from consumer.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
BLOCKS = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", " ")
LINES = [shlex.split(line, comments=True) for line in BLOCKS.splitlines()]
SPANS = [shlex.split(span) for span in re.findall(r"`(video-consumer [^`]+)`", PAGE)]
OURS = [words[1:] for words in LINES + SPANS if words[:1] == ["video-consumer"]]


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_a_command_takes_its_options(words: list[str]) -> None:
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
        context = click.Context(command, context, info_name=name, resilient_parsing=True)
    command.make_parser(context).parse_args(list(words))


def test_settings_codes_and_topics_exist() -> None:
    capitals = set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z]+)+\b", PAGE))
    foreign = {"HF_HOME", "BAKED_MODEL"}
    assert {name for name in capitals if name.lower() not in Settings.model_fields} - set(ErrorCode) == foreign
    topics = Topics(Settings().kafka_topic_prefix)
    there = {topics.jobs, topics.control, topics.dead_letters, topics.chunk_results, topics.results}
    assert set(re.findall(r"\bvideo\.[a-z][a-z.-]*[a-z]\b", PAGE)) == there


def test_links_and_targets_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", PAGE)) <= targets


def test_every_heading_of_the_page_is_asked_for() -> None:
    wanted = {"Size", "Rolling restarts and upgrades", "Retention", "Offsets", "Dead letters", "A lost broker", "Cost"}
    assert wanted <= set(re.findall(r"^## (.*)$", PAGE, re.MULTILINE))
