"""The admin client, as far as it is asked for the ends of logs, and whether anybody is there."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

from confluent_kafka import OFFSET_END, OFFSET_INVALID, ConsumerGroupTopicPartitions, IsolationLevel, TopicPartition

from tests.model.process import Process

_LATEST = -1


class ModelAdmin:
    """Takes the place of `confluent_kafka.admin.AdminClient`."""

    def __init__(self, _: dict[str, Any]) -> None:
        self._process = Process.current()

    def list_offsets(
        self, asked: dict[TopicPartition, Any], *, isolation_level: IsolationLevel, request_timeout: float
    ) -> dict[TopicPartition, Future[SimpleNamespace]]:
        committed_only = isolation_level is IsolationLevel.READ_COMMITTED

        def request() -> dict[TopicPartition, int]:
            return {one: self._offset(one, spec._value, committed_only) for one, spec in asked.items()}

        if self._process.trouble == ("list_offsets", "cut off"):
            # The connection broke before the answer: for librdkafka that is no error, but no offset either.
            self._process.stand("list_offsets", "before")
            self._process.take_trouble("list_offsets")
            found = dict.fromkeys(asked, OFFSET_INVALID)
        else:
            found = self._process.remote("list_offsets", request, request_timeout)
        answers: dict[TopicPartition, Future[SimpleNamespace]] = {one: Future() for one in asked}
        for one, answer in answers.items():
            answer.set_result(SimpleNamespace(offset=found[one]))
        return answers

    def list_topics(self, _: str, timeout: float) -> None:
        """Whether a broker answers."""
        self._process.remote("list_topics", lambda: None, timeout)

    def list_consumer_group_offsets(
        self, asked: list[ConsumerGroupTopicPartitions], *, require_stable: bool, request_timeout: float
    ) -> dict[str, Future[SimpleNamespace]]:
        """The offsets that are committed, whatever is pending."""
        assert not require_stable
        (group,) = asked

        def request() -> list[TopicPartition]:
            offsets = self._process.cluster.group.offsets
            at = [(one, *offsets.get(one.partition, (OFFSET_INVALID, ""))) for one in group.topic_partitions or []]
            return [TopicPartition(one.topic, one.partition, offset, metadata=text) for one, offset, text in at]

        answer: Future[SimpleNamespace] = Future()
        answer.set_result(
            SimpleNamespace(topic_partitions=self._process.remote("group_offsets", request, request_timeout))
        )
        return {group.group_id: answer}

    def _offset(self, one: TopicPartition, wanted: int, committed_only: bool) -> int:
        log = self._process.cluster.logs[one.topic, one.partition]
        if wanted == _LATEST:
            return log.stable_end if committed_only else log.end
        at = log.at_time(wanted)
        return OFFSET_END if at is None else at
