"""A deployment for one test: fresh topics, a group, a bucket; and a reader that shares no code with the product."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from consumer.events.topics import Topics
from tests.integration.worker_process import wait_until

ANY_PARTITION = -1


@dataclass
class System:
    """What a test needs of Kafka and the store; results are written as JSON, so that anyone can read them."""

    bootstrap: str
    topics: Topics
    partitions: int
    store: dict[str, str]
    bucket: str
    directory: Path
    group: str = field(default_factory=lambda: f"group-{uuid.uuid4().hex[:8]}")

    def environment(self, **changes: str) -> dict[str, str]:
        """The settings of a worker in this deployment."""
        return {
            "ENGINE": "synthetic",
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "KAFKA_TOPIC_PREFIX": self.topics.prefix,
            "KAFKA_GROUP_ID": self.group,
            "EVENT_FORMAT": "json",
            "S3_BUCKET": self.bucket,
            "LOG_LEVEL": "DEBUG",
            **self.store,
            **changes,
        }

    def produce(
        self,
        value: bytes | None,
        *,
        key: str = "k",
        partition: int | None = None,
        headers: Mapping[str, bytes] | None = None,
    ) -> tuple[int, int]:
        """Write one record to the jobs topic as any producer would; returns partition and offset."""
        # As much as the broker takes by default, which is a little more than librdkafka sends by default.
        producer = Producer({"bootstrap.servers": self.bootstrap, "message.max.bytes": 1_048_588})
        where: list[tuple[int, int]] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            where.append((message.partition() or 0, message.offset() or 0))

        at = ANY_PARTITION if partition is None else partition
        producer.produce(
            self.topics.jobs, value=value, key=key, partition=at, on_delivery=delivered, headers=dict(headers or {})
        )
        assert producer.flush(20) == 0
        return where[0]

    def submit(self, job_id: str, *, partition: int | None = None, **fields: Any) -> tuple[int, int]:
        """Write one job as JSON."""
        job = {"job_id": job_id, "prompt": "What happens?", **fields}
        return self.produce(json.dumps(job).encode(), key=job_id, partition=partition)

    def committed_offsets(self) -> dict[int, tuple[int, str]]:
        """Partition -> committed offset and metadata of the group."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        asked = ConsumerGroupTopicPartitions(
            self.group, [TopicPartition(self.topics.jobs, number) for number in range(self.partitions)]
        )
        (answer,) = admin.list_consumer_group_offsets([asked]).values()
        found = answer.result(10).topic_partitions
        return {one.partition: (one.offset, one.metadata or "") for one in found if one.offset >= 0}

    def set_sessions(self, milliseconds: int) -> None:
        """After so long a member of this group that says nothing counts as gone (KIP-848)."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        entry = ConfigEntry(
            "consumer.session.timeout.ms", str(milliseconds), incremental_operation=AlterConfigOpType.SET
        )
        resource = ConfigResource(ResourceType.GROUP, self.group, incremental_configs=[entry])
        (future,) = admin.incremental_alter_configs([resource]).values()
        future.result(20)


class CommittedReader:
    """Accumulates what committed readers see of some topics, from their beginning."""

    def __init__(self, system: System, *topics: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": system.bootstrap,
                "group.id": "audit",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
            }
        )
        self._consumer.assign([TopicPartition(topic, n, 0) for topic in topics for n in range(system.partitions)])
        self.messages: list[Message] = []

    def read(self, seconds: float = 0.3) -> list[Message]:
        """Take in what is there now; returns everything seen so far."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for message in self._consumer.consume(500, timeout=0.05):
                assert message.error() is None, message.error()
                self.messages.append(message)
        return self.messages

    def events(self, topic: str) -> list[dict[str, Any]]:
        """The JSON events of one topic so far."""
        return [json.loads(one.value() or b"") for one in self.messages if one.topic() == topic]

    def close(self) -> None:
        self._consumer.close()


class Audit:
    """The guarantee, checked from outside."""

    def __init__(self, system: System) -> None:
        self.system, self.topics = system, system.topics
        self.reader = CommittedReader(
            system, system.topics.chunk_results, system.topics.results, system.topics.dead_letters
        )

    def chunks(self, job_id: str | None = None) -> list[dict[str, Any]]:
        found = self.reader.events(self.topics.chunk_results)
        return [one for one in found if job_id in (None, one["job_id"])]

    def finals(self, job_id: str | None = None) -> list[dict[str, Any]]:
        found = self.reader.events(self.topics.results)
        return [one for one in found if job_id in (None, one["job_id"])]

    def dead_letters(self) -> list[tuple[Message, dict[str, bytes]]]:
        """Each dead letter with its headers."""
        found = [one for one in self.reader.messages if one.topic() == self.topics.dead_letters]
        return [(one, dict(cast(list[tuple[str, bytes]], one.headers() or []))) for one in found]

    def wait_finals(self, count: int, *, seconds: float = 60.0) -> list[dict[str, Any]]:
        """Until that many final results are committed."""
        return self._wait(self.finals, count, seconds, "final results")

    def wait_chunks(self, count: int, *, seconds: float = 60.0) -> list[dict[str, Any]]:
        """Until that many chunk results are committed."""
        return self._wait(self.chunks, count, seconds, "chunk results")

    def _wait(
        self, seen: Callable[[], list[dict[str, Any]]], count: int, seconds: float, what: str
    ) -> list[dict[str, Any]]:
        def enough() -> bool:
            self.reader.read(0.1)
            return len(seen()) >= count

        try:
            wait_until(enough, seconds=seconds, what=f"{count} {what}")
        except AssertionError as error:
            error.add_note(f"seen: {sorted(one['job_id'] for one in seen())}")
            raise
        return seen()

    def check(self) -> None:
        """Each (job, chunk) once; one final a job, whose list is exactly the chunk topic's; nothing is missing."""
        self.reader.read(1.0)
        seen = [(one["job_id"], one["chunk_index"]) for one in self.chunks()]
        assert len(seen) == len(set(seen)), f"published twice: {sorted(one for one in seen if seen.count(one) > 1)}"
        finals = [one["job_id"] for one in self.finals()]
        assert len(finals) == len(set(finals)), f"two finals: {sorted(finals)}"
        assert {job for job, _ in seen} <= set(finals), "chunks without a final"
        places = {
            (one.partition(), one.offset()): json.loads(one.value() or b"")["chunk_index"]
            for one in self.reader.messages
            if one.topic() == self.topics.chunk_results
        }
        for final in self.finals():
            mine = sorted(index for job, index in seen if job == final["job_id"])
            assert [one["chunk_index"] for one in final["chunks"]] == mine, final["job_id"]
            for one in final["chunks"]:
                assert places[one["partition"], one["offset"]] == one["chunk_index"]

    def close(self) -> None:
        self.reader.close()
