"""The consumer that reads partitions by `assign()`, without a group."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from confluent_kafka import OFFSET_END, TopicPartition

from tests.model.cluster import PARTITIONS
from tests.model.log import Place
from tests.model.message import ModelMessage
from tests.model.process import Process


class Reader:
    """Reads partitions that it was given, up to the last stable offset, or to the end with `read_uncommitted`."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._process = Process.current()
        self._cluster = self._process.cluster
        self._committed_only = config["isolation.level"] == "read_committed"
        self._positions: dict[Place, int] = {}
        self._at_end: set[Place] = set()

    def list_topics(self, topic: str, timeout: float) -> SimpleNamespace:
        self._process.remote("list_topics", lambda: None, timeout)
        one = SimpleNamespace(error=None, partitions=dict.fromkeys(range(PARTITIONS)))
        return SimpleNamespace(topics={topic: one})

    def assign(self, partitions: list[TopicPartition]) -> None:
        for one in partitions:
            place = one.topic, one.partition
            self._positions[place] = self._end(place) if one.offset == OFFSET_END else max(one.offset, 0)

    def consume(self, most: int, timeout: float) -> list[ModelMessage]:
        if timeout > 0:
            self._process.stand("consume", "before")
        messages = []
        for place, position in self._positions.items():
            end = self._end(place)
            for entry in self._cluster.logs[place].read(position, end, committed_only=self._committed_only):
                messages.append(ModelMessage(place, entry.offset, entry))
            if place not in self._at_end or end > position:
                messages.append(ModelMessage(place, end, None))
                self._at_end.add(place)
            self._positions[place] = max(position, end)
        assert len(messages) <= most
        if not messages:
            self._cluster.seconds += timeout
        return messages

    def position(self, asked: list[TopicPartition]) -> list[TopicPartition]:
        return [TopicPartition(one.topic, one.partition, self._positions[one.topic, one.partition]) for one in asked]

    def close(self) -> None:
        """There is no group to leave."""

    def _end(self, place: Place) -> int:
        log = self._cluster.logs[place]
        return log.stable_end if self._committed_only else log.end
