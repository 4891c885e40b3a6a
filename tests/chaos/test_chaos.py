"""Three seeds of everything at once; `python -m tests.chaos` is the long form."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from consumer.events.topics import Topics
from consumer.settings import Settings
from consumer.stream.admin import require_topics
from tests.chaos.ground import BROKERS, Ground, Protocol
from tests.chaos.run import Run
from tests.integration.topic_maker import make_topics

FAULTS, WORKERS = 20, 3


@pytest.fixture(scope="module")
def ground(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with Ground(tmp_path_factory.mktemp("ground")) as servers:
        yield servers


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("seed", "protocol"), [(1, "consumer"), (2, "classic"), (3, "consumer")])
def test_the_guarantee_holds(ground: Ground, seed: int, protocol: Protocol, tmp_path: Path) -> None:
    outcome = Run(ground, seed, FAULTS, WORKERS, tmp_path, protocol).carry_out()
    assert not outcome.violations, outcome.complaint()
    assert outcome.deaths >= 1, "the poison job was worked on"


@pytest.mark.timeout(120)
def test_workers_start_while_one_of_the_brokers_is_away(ground: Ground) -> None:
    """Each client learns of the brokers by chance; of six, one at least is told of the one that is away."""
    cluster = ground.cluster
    make_topics(cluster.bootstrap, Topics("begin"), 3, replicas=BROKERS)
    settings = Settings(kafka_bootstrap_servers=cluster.bootstrap, kafka_topic_prefix="begin")
    cluster.kill(0)
    try:
        with ThreadPoolExecutor(6) as pool:
            starts = [pool.submit(require_topics, settings) for _ in range(6)]
        assert [start.exception() for start in starts] == [None] * len(starts)
    finally:
        cluster.restart(0)
