"""What a run needs besides the servers: topics, a group, jobs that were sent, workers, and what their logs say."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from consumer.events.topics import Topics
from tests.chaos.audit import Asked, Sent, Standing
from tests.chaos.auditor import Auditor, standing
from tests.chaos.events import Kind
from tests.integration.worker_process import WorkerProcess

ROOT = Path(__file__).parents[2]
SECONDS = 30.0


@dataclass
class Deployment:
    """One consumer group on its own topics.

    Args:
        bootstrap: the way of tests and auditors to the brokers; `routed`: that of the workers.
        settings: environment settings of every worker.
    """

    bootstrap: str
    routed: str
    topics: Topics
    partitions: int
    group: str
    directory: Path
    settings: dict[str, str] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @cached_property
    def _producer(self) -> Producer:
        settings = {"acks": "all", "enable.idempotence": True, "linger.ms": 0, "log_level": 0}
        return Producer({"bootstrap.servers": self.bootstrap, **settings})

    @property
    def results(self) -> dict[str, Kind]:
        """Which topic holds which kind of result."""
        topics = self.topics
        return {topics.chunk_results: "chunk", topics.results: "final", topics.dead_letters: "dead"}

    def auditor(self) -> Auditor:
        """A committed reader of the results, not begun yet."""
        return Auditor(self.bootstrap, self.results, self.partitions)

    def standing(self) -> Standing:
        """What the brokers know of the group and its topics."""
        return standing(self.bootstrap, self.group, self.topics.jobs, self.results, self.partitions)

    def send(self, partition: int, *, chunks: int, job_id: str | None = None, poison: bool = False, **job: Any) -> Sent:
        """Write a job; it is in `sent` from then on."""
        job_id = job_id or f"job-{next(self._numbers)}"
        value = json.dumps({"job_id": job_id, "prompt": "What happens?", **job}).encode()
        places: list[int] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            places.append(message.offset() or 0)

        producer = self._producer
        producer.produce(self.topics.jobs, value=value, key=job_id, partition=partition, on_delivery=delivered)
        assert producer.flush(SECONDS) == 0
        self.sent.append(Sent(job_id, partition, places[0], value, chunks, poison))
        return self.sent[-1]

    def worker(self, name: str, *words: str, **settings: str) -> WorkerProcess:
        """Start a worker; `words` are those of `mutant`."""
        environment = {
            "ENGINE": "synthetic",
            "KAFKA_BOOTSTRAP_SERVERS": self.routed,
            "KAFKA_TOPIC_PREFIX": self.topics.prefix,
            "KAFKA_GROUP_ID": self.group,
            "LOG_LEVEL": "DEBUG",
            "DECODERS": "1",
            "PYTHONPATH": str(ROOT),
            **self.settings,
            **settings,
        }
        command = [sys.executable, "-m", "tests.chaos.mutant", *words]
        return WorkerProcess(environment, self.directory / f"{name}.log", command)

    def records(self) -> Iterator[dict[str, Any]]:
        """The lines of all workers' logs that are JSON, with the worker's name in `worker_log`."""
        for path in sorted(self.directory.glob("*.log")):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                if line.startswith("{") and line.endswith("}"):
                    yield {**json.loads(line), "worker_log": path.stem}

    def asked(self) -> list[Asked]:
        """Every question for a chunk to any worker's engine; `request_id` is run/attempt/chunk."""
        return [
            Asked(one["job_id"], one["chunk_index"], int(one["request_id"].split("/")[1]), one["worker_log"])
            for one in self.records()
            if one["event"] == "engine_asked" and one["chunk_index"] is not None
        ]
