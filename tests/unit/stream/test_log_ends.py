"""Asking for the ends of a log, when nobody answers."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from consumer.stream import readback
from consumer.stream.readback import log_ends


class SilentAdmin:
    """Its requests are never answered, not even by a time-out of their own."""

    def list_offsets(self, asked: dict[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Future[Any]]:
        return {partition: Future() for partition in asked}


def test_no_answer_at_all_is_an_error_of_kafka_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readback, "REQUEST_SECONDS", -0.99)
    with pytest.raises(KafkaException) as raised:
        log_ends(cast(AdminClient, SilentAdmin()), [("t", 0)])
    assert raised.value.args[0].code() == KafkaError._TIMED_OUT
