"""A report of runs, for people: what was done to the system, with which versions, and what came of it."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import confluent_kafka

from tests.chaos.ground import BROKERS, CHUNKS_IN_FLIGHT, MAX_ATTEMPTS, PARTITIONS
from tests.chaos.run import Outcome
from tests.chaos.schedule import Kind
from tests.services.pins import KAFKA_VERSION

PART = re.compile(r"(<!-- runs -->\n).*?(<!-- /runs -->)", re.DOTALL)


def write(path: Path, text: str) -> None:
    """Put the report into a file: between its marks where it has them, else in the place of what was there."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    written, count = PART.subn(lambda part: part[1] + text + part[2], before)
    path.write_text(written if count else text, encoding="utf-8")


def versions() -> dict[str, str]:
    """Of everything that the guarantee rests on."""
    return {
        "Apache Kafka": KAFKA_VERSION,
        "librdkafka": confluent_kafka.libversion()[0],
        "confluent-kafka": importlib.metadata.version("confluent-kafka"),
        "Python": platform.python_version(),
    }


def markdown(outcomes: Sequence[Outcome], workers: int) -> str:
    """The report."""
    faults: Counter[str] = sum((one.faults for one in outcomes), Counter())
    lines = [
        f"{faults.total()} faults in {sum(one.seconds for one in outcomes) / 60:.0f} minutes, "
        f"{sum(one.jobs for one in outcomes)} jobs, {sum(one.chunks for one in outcomes)} chunk results, "
        f"{sum(one.deaths for one in outcomes)} workers killed by poison jobs; "
        f"{sum(len(one.violations) for one in outcomes)} findings: duplicates, losses, or any other broken promise.",
        "",
        "### Conditions",
        "",
        f"{BROKERS} brokers on one machine (3 replicas, 2 in sync), {PARTITIONS} partitions, {workers} workers to "
        f"{workers + 2}, up to {CHUNKS_IN_FLIGHT} chunks in work in each, {MAX_ATTEMPTS} attempts, sessions of 3 s; "
        + ", ".join(f"{name} {version}" for name, version in versions().items())
        + ".",
        "",
        "### Faults",
        "",
        "| fault | times |",
        "|---|---|",
        *(f"| {kind.value} | {faults[kind.value]} |" for kind in Kind),
        f"| worker killed by a poison job | {sum(one.deaths for one in outcomes)} |",
        "",
        "### Runs",
        "",
        "| seed | protocol | faults | seconds | jobs | of them poison | chunks | computed again (limit) | broken |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_row(one) for one in outcomes),
        "",
    ]
    for one in outcomes:
        lines += [f"* seed {one.seed}: {violation}" for violation in one.violations]
    return "\n".join(lines).rstrip() + "\n"


def _row(one: Outcome) -> str:
    counts = (one.faults.total(), round(one.seconds), one.jobs, one.poison, one.chunks)
    cells = (one.seed, one.protocol, *counts, f"{one.recomputed} ({one.most_recomputed})", len(one.violations))
    return f"| {' | '.join(map(str, cells))} |"
