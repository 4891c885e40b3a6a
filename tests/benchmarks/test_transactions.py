"""How long a transaction takes, from begin to commit, on three brokers.

Conditions: three Kafka brokers on this machine, topics of three replicas of which two must have a record, the product's
own writer and producer settings, one chunk result of 1.5 kB with its headers and the input offset with 500 bytes of
metadata in each transaction, the group member polled in between as the I/O thread does.
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from consumer.events.headers import JobPosition, cloud_event_headers
from consumer.settings import load_settings
from consumer.stream.clients import consumer_config, producer_config, transactional_id
from consumer.stream.transaction import Done, Failed, Message, TransactionalWriter
from tests.benchmarks.load import fresh_system
from tests.integration.system import System
from tests.integration.worker_process import wait_until
from tests.services.kafka import KafkaCluster

BROKERS, PARTITIONS, PARTITION = 3, 4, 0
RESULT_BYTES, METADATA_BYTES = 1500, 500
WARM_UP, BACK_TO_BACK, SPACED = 50, 500, 100
SPACE_SECONDS = 0.05
pytestmark = pytest.mark.timeout(300)


class Client:
    """A group member with all partitions, and the writer of one of them."""

    def __init__(self, system: System) -> None:
        settings = load_settings(environment=system.environment()).settings
        self._topics = system.topics
        self._consumer = Consumer(consumer_config(settings))
        self._consumer.subscribe([system.topics.jobs])
        wait_until(self._owns_all, seconds=60, what="the member has all partitions")
        identity = transactional_id(settings, system.topics.jobs, PARTITION)
        self.failures: list[Failed] = []
        self._writer = TransactionalWriter(
            producer_config(settings, identity), between_tries=self._serve, failed=self.failures.append
        )
        assert self._writer.init() is None

    def transact(self, number: int) -> float:
        """One transaction as for a chunk; returns its seconds."""
        headers = cloud_event_headers(
            position=JobPosition(self._topics.jobs, PARTITION, 0),
            kind="chunk.completed",
            chunk_index=number,
            subject="job",
            time_ms=time.time_ns() // 1_000_000,
            content_type="application/json",
            traceparent=None,
        )
        value = number.to_bytes(8, "big") + os.urandom(RESULT_BYTES - 8)
        message = Message(self._topics.chunk_results, PARTITION, b"job", value, list(headers), -1)
        place = TopicPartition(self._topics.jobs, PARTITION, 0, metadata="m" * METADATA_BYTES)
        self._serve()
        began = time.perf_counter()
        done = self._writer.transact([message], lambda: ([place], self._consumer.consumer_group_metadata()))
        seconds = time.perf_counter() - began
        assert isinstance(done, Done), done
        return seconds

    def close(self) -> None:
        self._writer.drop()
        self._consumer.close()

    def _serve(self) -> None:
        self._consumer.poll(0)

    def _owns_all(self) -> bool:
        self._consumer.poll(0.1)
        return len(self._consumer.assignment()) == PARTITIONS


def test_a_transaction(tmp_path: Path) -> None:
    with KafkaCluster(BROKERS) as cluster:
        client = Client(fresh_system(cluster.bootstrap, tmp_path, PARTITIONS, replicas=BROKERS))
        for number in range(WARM_UP):
            client.transact(number)
        found = {"back to back": [client.transact(number) for number in range(BACK_TO_BACK)]}
        spaced = []
        for number in range(SPACED):
            time.sleep(SPACE_SECONDS)
            spaced.append(client.transact(number))
        found[f"{1000 * SPACE_SECONDS:.0f} ms apart"] = spaced
        client.close()
        assert client.failures == []
    figures = {name: (statistics.median(seconds), p99(seconds)) for name, seconds in found.items()}
    told = "; ".join(
        f"{len(found[name])} {name}: p50 {1000 * middle:.1f} ms, p99 {1000 * high:.1f} ms, "
        f"longest {1000 * max(found[name]):.1f} ms"
        for name, (middle, high) in figures.items()
    )
    print(f"\ntransaction, begin to commit, {BROKERS} brokers: {told}; {os.cpu_count()} cores")
    assert all(high < 0.1 for _, high in figures.values())


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[98]
