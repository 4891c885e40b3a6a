"""Reads the results topics as any committed reader would, in a thread of its own, for as long as a run lasts."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from tests.chaos.audit import Standing
from tests.chaos.events import Kind, Seen

POLL_SECONDS = 0.2
SECONDS = 20.0


class Auditor:
    """What committed readers see; runs from `with` on. Shares nothing with the consumer but the schema files.

    Args:
        topics: which topic holds which kind of record.
    """

    def __init__(self, bootstrap: str, topics: Mapping[str, Kind], partitions: int) -> None:
        self._bootstrap, self._topics, self._partitions = bootstrap, dict(topics), partitions
        self._seen: list[Seen] = []
        self._counts: Counter[Kind] = Counter()
        self._finished: set[str] = set()
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._follow, name="auditor", daemon=True)

    def __enter__(self) -> Auditor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(SECONDS)

    @property
    def seen(self) -> list[Seen]:
        """So far, in the order in which they were read.

        Raises:
            RuntimeError: the reading failed, for example at a record that the schemas do not fit.
        """
        with self._lock:
            if self._failure is not None:
                raise RuntimeError("the auditor cannot read on") from self._failure
            return list(self._seen)

    def count(self, kind: Kind) -> int:
        """How many records of that kind there are so far."""
        with self._lock:
            return self._counts[kind]

    def finished(self) -> set[str]:
        """The jobs that have a final result."""
        with self._lock:
            return set(self._finished)

    def read_again(self) -> list[Seen]:
        """Everything from the beginning, by a new reader, up to the end that committed readers have now."""
        consumer = self._consumer()
        try:
            left = {
                (topic, number): consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=SECONDS)[1]
                for topic in self._topics
                for number in range(self._partitions)
            }
            seen: list[Seen] = []
            deadline = time.monotonic() + SECONDS
            while any(left.values()):
                assert time.monotonic() < deadline, f"the ends are not reached: {left}"
                seen += self._read(consumer)
                at = consumer.position([TopicPartition(*place) for place, end in left.items() if end])
                left |= {(one.topic, one.partition): 0 for one in at if one.offset >= left[one.topic, one.partition]}
            return seen
        finally:
            consumer.close()

    def _follow(self) -> None:
        consumer = self._consumer()
        try:
            while not self._ending.is_set():
                seen = self._read(consumer)
                with self._lock:
                    self._seen += seen
                    self._counts.update(one.kind for one in seen)
                    self._finished |= {one.event["job_id"] for one in seen if one.kind == "final"}
        except Exception as error:  # noqa: BLE001 - raised in the thread that asks for what was seen
            with self._lock:
                self._failure = error
        finally:
            consumer.close()

    def _consumer(self) -> Consumer:
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": "auditor",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "log_level": 0,
            }
        )
        places = [TopicPartition(topic, number, 0) for topic in self._topics for number in range(self._partitions)]
        consumer.assign(places)
        return consumer

    def _read(self, consumer: Consumer) -> list[Seen]:
        found = []
        for message in consumer.consume(500, timeout=POLL_SECONDS):
            error = message.error()
            if error is None:
                found.append(Seen.of(self._topics[message.topic() or ""], message))
            elif not error.retriable() and not error.code() < 0:
                raise RuntimeError(str(error))
        return found


def standing(bootstrap: str, group: str, jobs: str, topics: Mapping[str, Kind], partitions: int) -> Standing:
    """What the brokers know now."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    places = [(topic, number) for topic in (jobs, *topics) for number in range(partitions)]
    ends, committed = (
        _ends(admin, places, level) for level in (IsolationLevel.READ_UNCOMMITTED, IsolationLevel.READ_COMMITTED)
    )
    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(jobs, number) for number in range(partitions)])
    (answer,) = admin.list_consumer_group_offsets([asked], require_stable=True).values()
    offsets = {one.partition: one.offset for one in answer.result(SECONDS).topic_partitions if one.offset >= 0}
    return Standing(committed, ends, offsets)


def _ends(admin: AdminClient, places: list[tuple[str, int]], level: IsolationLevel) -> dict[tuple[str, int], int]:
    asked = {TopicPartition(*place): OffsetSpec.latest() for place in places}  # type: ignore[no-untyped-call]
    answers = admin.list_offsets(asked, isolation_level=level, request_timeout=SECONDS)
    return {(one.topic, one.partition): answer.result(SECONDS).offset for one, answer in answers.items()}
