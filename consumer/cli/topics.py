"""`topics create` and `topics check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from consumer.cli.invocation import Invocation, pass_invocation

if TYPE_CHECKING:
    from consumer.stream.admin import TopicFinding


@click.group(short_help="Make or check the topics.")
def command() -> None:
    """Make or check the topics of jobs, results and dead letters (names begin with KAFKA_TOPIC_PREFIX)."""


@command.command("create", short_help="Make the topics that are missing.")
@pass_invocation
def create(invocation: Invocation) -> int:
    """Make the topics that are missing, with TOPIC_PARTITIONS and TOPIC_REPLICATION_FACTOR; leave the others alone."""
    from consumer.stream.admin import create_topics

    return _report(create_topics(invocation.settings()))


@command.command("check", short_help="Say what is wrong with the topics.")
@pass_invocation
def check(invocation: Invocation) -> int:
    """Say what is wrong with the topics: missing, too few partitions for the jobs topic's, unfit configuration."""
    from consumer.stream.admin import check_topics

    return _report(check_topics(invocation.settings()))


def _report(findings: list[TopicFinding]) -> int:
    for finding in findings:
        click.echo(finding.message, err=not finding.ok)
    return 0 if all(finding.ok for finding in findings) else 1
