"""The consumer that is a member of the group and reads jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from tests.model.group import Membership
from tests.model.message import ModelMessage
from tests.model.process import Process, timed_out

IDLE_SECONDS = 0.25
"""What an empty poll takes at least, so that backoffs pass in few steps."""
Callback = Callable[[Any, list[TopicPartition]], None]


class GroupMember:
    """Reads the jobs topic. Pause flags outlive revocation and assignment, as in librdkafka."""

    def __init__(self) -> None:
        self._process = Process.current()
        self._cluster = self._process.cluster
        self._positions: dict[int, int] = {}
        self._paused: set[int] = set()
        self._generation = self._joins = 0

    def subscribe(self, _: list[str], *, on_assign: Callback, on_revoke: Callback, on_lost: Callback) -> None:
        self._on_assign, self._on_revoke, self._on_lost = on_assign, on_revoke, on_lost

    def poll(self, seconds: float) -> ModelMessage | None:
        self._process.stand("poll", "before")
        self._heartbeat()
        for partition, position in self._positions.items():
            message = None if partition in self._paused else self._next(partition, position)
            if message is not None:
                self._positions[partition] = message.offset() + 1
                return message
        self._cluster.seconds += max(seconds, IDLE_SECONDS)
        return None

    def committed(self, asked: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        (one,) = asked

        def request() -> list[TopicPartition]:
            if self._cluster.pending(one.partition):
                self._cluster.seconds += timeout
                raise timed_out()
            offset, metadata = self._cluster.group.offsets.get(one.partition, (OFFSET_INVALID, ""))
            return [TopicPartition(one.topic, one.partition, offset, metadata=metadata)]

        return self._process.remote("committed", request, timeout)

    def consumer_group_metadata(self) -> Membership:
        return Membership(self._process.member or "", self._generation)

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        for one in partitions:
            self._positions[one.partition] = max(one.offset, 0)

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        for one in partitions:
            del self._positions[one.partition]

    def pause(self, partitions: list[TopicPartition]) -> None:
        self._paused |= {one.partition for one in partitions}

    def resume(self, partitions: list[TopicPartition]) -> None:
        self._paused -= {one.partition for one in partitions}

    def seek(self, where: TopicPartition) -> None:
        if where.partition not in self._positions:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION))
        self._positions[where.partition] = 0 if where.offset == OFFSET_BEGINNING else where.offset

    def close(self) -> None:
        """Leave the group; in a thread of its own, so nothing stands still here."""
        if self._process.alive and self._process.member is not None:
            self._cluster.group.remove(self._process.member)

    def _heartbeat(self) -> None:
        """What the member learns of its group, and the callbacks that follow."""
        group, process = self._cluster.group, self._process
        if process.member is not None and process.member not in group.members:
            process.member = None
            self._on_lost(self, self._places(list(self._positions)))
        if process.member is None:
            self._joins += 1
            process.member = f"{process.name}.{self._joins}"
            group.join(process.member)
        self._generation = group.generation
        if revoked := group.to_revoke(process.member):
            self._on_revoke(self, self._places(revoked))
            for partition in revoked:
                if group.owner[partition] == process.member:
                    group.owner[partition] = None
        if process.member in group.members and (assigned := group.to_assign(process.member)):
            for partition in assigned:
                group.owner[partition] = process.member
                process.assignments[partition] = process.assignments.get(partition, 0) + 1
            self._on_assign(self, self._places(assigned))

    def _next(self, partition: int, position: int) -> ModelMessage | None:
        place = self._cluster.topics.jobs, partition
        log = self._cluster.logs[place]
        entry = next(log.read(position, log.stable_end, committed_only=True), None)
        return ModelMessage(place, entry.offset, entry) if entry is not None else None

    def _places(self, partitions: list[int]) -> list[TopicPartition]:
        return [TopicPartition(self._cluster.topics.jobs, partition) for partition in partitions]
