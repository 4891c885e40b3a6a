"""Three seeds of everything at once; `python -m tests.chaos` is the long form."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from consumer.events.topics import Topics
from consumer.settings import Settings
from consumer.stream.admin import require_topics
from consumer.stream.clients import admin_config
from consumer.stream.readback import log_ends
from tests.chaos.ground import BROKERS, Ground, Protocol
from tests.chaos.run import Run
from tests.integration.topic_maker import make_topics

FAULTS, WORKERS = 20, 3


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


@pytest.mark.timeout(180)
def test_the_end_of_a_log_is_told_right_or_not_at_all(ground: Ground) -> None:
    """While connections break: who takes half an answer for the end of a log finds nothing in it."""
    topics = Topics("ends")
    make_topics(ground.cluster.bootstrap, topics, 3, replicas=BROKERS)
    admin = AdminClient(admin_config(Settings(kafka_bootstrap_servers=ground.cluster.routed)))
    places = [(topics.chunk_results, number) for number in range(3)]
    refusals, over = 0, threading.Event()

    def break_connections() -> None:
        for number in itertools.cycle(range(BROKERS)):
            ground.ways.reset(str(number), 0)
            ground.ways.mend(str(number))
            if over.wait(0.1):
                return

    breaking = threading.Thread(target=break_connections)
    breaking.start()
    try:
        while refusals < 10:
            try:
                assert log_ends(admin, places) == dict.fromkeys(places, 0)
            except KafkaException:
                refusals += 1
    finally:
        over.set()
        breaking.join()
