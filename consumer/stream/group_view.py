"""What the consumer group has still to do, and which of its members has it: for whoever scales the workers.

All of it comes from the broker, so it holds before the first worker is there, and while workers cannot be reached.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumer.events.topics import Topics
from consumer.settings import Settings
from consumer.stream.clients import reader_config
from consumer.stream.cluster import Cluster
from consumer.stream.unavailable import made, unavailable

_LOOK_SECONDS = 5.0
_POLL_SECONDS = 0.2
_NO_GROUP = (KafkaError.GROUP_ID_NOT_FOUND,)


@dataclass(frozen=True, slots=True)
class GroupView:
    """A look at the group.

    Args:
        undone: by partition, the records that are not done, those in work included; only where there are any.
        owners: by client id, the partitions that a member has now.
    """

    undone: Mapping[int, int] = field(default_factory=dict)
    owners: Mapping[str, frozenset[int]] = field(default_factory=dict)

    @property
    def jobs(self) -> int:
        """Records that are not done."""
        return sum(self.undone.values())


class GroupWatch(Cluster):
    """Looks at the group of the settings; every method raises KafkaUnavailableError when no broker answers."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._group, self._topic = settings.kafka_group_id, Topics(settings.kafka_topic_prefix).jobs
        small = {"max.partition.fetch.bytes": 65_536, "queued.max.messages.kbytes": 1024}
        # With the workers' group id it may ask for their offsets; since it subscribes to nothing, it is no member.
        own = {"group.id": settings.kafka_group_id, "error_cb": self._errors}
        config = reader_config(settings) | small | own
        self._reader = made(lambda: Consumer(config))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()
        super().__exit__(kind, error, trace)

    def view(self) -> GroupView:
        """What is undone, and who has what.

        The end of a partition's log may be the mark of a transaction, which is no job: so where something seems to be
        undone, the first record is looked for.
        """
        # First: who may not look at the group is told so by this question, by the next ones only nothing.
        owners = self._owners()
        count = self.partitions([self._topic]).get(self._topic, 0)
        places = [(self._topic, number) for number in range(count)]
        committed = self._committed(count)
        firsts, ends = self.first_offsets(places), self.end_offsets(places)
        begins = {number: max(committed.get(number, 0), firsts[self._topic, number]) for number in range(count)}
        seeming = {number: ends[self._topic, number] - begin for number, begin in begins.items()}
        real = self._with_records({number: begins[number] for number, records in seeming.items() if records > 0})
        return GroupView({number: seeming[number] for number in sorted(real)}, owners)

    def _committed(self, count: int) -> dict[int, int]:
        """By a consumer: librdkafka crashes on the admin client's question when the coordinator is another broker.

        See https://github.com/confluentinc/confluent-kafka-javascript/issues/374.
        """
        try:
            found = self._reader.committed(
                [TopicPartition(self._topic, number) for number in range(count)], timeout=self._seconds
            )
        except KafkaException as error:
            raise self._unexpected(self._refused(error)) from None
        for place in found:
            if place.error is not None:
                raise self._unexpected(place.error)
        return {place.partition: place.offset for place in found if place.offset >= 0}

    def _owners(self) -> dict[str, frozenset[int]]:
        futures = self._admin.describe_consumer_groups([self._group], request_timeout=self._seconds)
        group = self._result(futures[self._group], absent=_NO_GROUP)
        owners: dict[str, frozenset[int]] = {}
        for member in group.members if group is not None else []:
            places = member.assignment.topic_partitions if member.assignment is not None else []
            mine = frozenset(place.partition for place in places if place.topic == self._topic)
            owners[member.client_id] = owners.get(member.client_id, frozenset()) | mine
        return owners

    def _with_records(self, begins: Mapping[int, int]) -> set[int]:
        """Those of the partitions that hold a record at or after the offset."""
        if not begins:
            return set()
        found: set[int] = set()
        open_ = set(begins)
        deadline = time.monotonic() + _LOOK_SECONDS
        self._reader.assign([TopicPartition(self._topic, number, begin) for number, begin in begins.items()])
        try:
            while open_:
                if time.monotonic() > deadline:
                    raise unavailable(self._settings, _LOOK_SECONDS, self._errors)
                message = self._reader.poll(_POLL_SECONDS)
                number = message.partition() if message is not None else None
                if message is None or number not in open_:
                    continue
                error = message.error()
                if error is None:
                    found.add(number)
                elif error.code() != KafkaError._PARTITION_EOF:
                    raise self._unexpected(error)
                open_.discard(number)
        except KafkaException as error:
            raise self._unexpected(self._refused(error)) from None
        finally:
            self._reader.unassign()
        return found
