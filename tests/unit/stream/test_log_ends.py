"""Asking for the ends of a log, when nobody answers, or answers what is no offset."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import OFFSET_END, OFFSET_INVALID, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from consumer.stream import readback
from consumer.stream.readback import log_ends, log_starts


class SilentAdmin:
    """Its requests are never answered, not even by a time-out of their own."""

    def list_offsets(self, asked: dict[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Future[Any]]:
        return {partition: Future() for partition in asked}


def test_no_answer_at_all_is_an_error_of_kafka_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readback, "REQUEST_SECONDS", -0.99)
    with pytest.raises(KafkaException) as raised:
        log_ends(cast(AdminClient, SilentAdmin()), [("t", 0)])
    assert raised.value.args[0].code() == KafkaError._TIMED_OUT


class AnsweringAdmin:
    """Answers with the same offset for every partition."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def list_offsets(self, asked: dict[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Future[Any]]:
        answers: dict[TopicPartition, Future[Any]] = {partition: Future() for partition in asked}
        for answer in answers.values():
            answer.set_result(SimpleNamespace(offset=self._offset))
        return answers


def test_what_is_no_offset_is_not_taken_for_the_end_of_an_empty_log() -> None:
    """librdkafka says so, and no error, where the connection to the leader broke."""
    cut_off = cast(AdminClient, AnsweringAdmin(OFFSET_INVALID))
    with pytest.raises(KafkaException):
        log_ends(cut_off, [("t", 0)])
    with pytest.raises(KafkaException):
        log_starts(cut_off, [("t", 0)], 1)
    assert log_starts(cast(AdminClient, AnsweringAdmin(OFFSET_END)), [("t", 0)], 1) == {("t", 0): OFFSET_END}
