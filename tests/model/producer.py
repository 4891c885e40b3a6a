"""The transactional producer: librdkafka's calls and errors as they were measured, over the model's coordinators."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tests.model.group import Membership, StaleGenerationError, UnknownMemberError
from tests.model.process import Process, timed_out
from tests.model.transactions import EndRequest, FencedError, InvalidStateError

SLOW_SECONDS = 2.0


class Delivered:
    """The part of a delivered message that is read."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def offset(self) -> int:
        return self._offset


class ModelProducer:
    """Takes the place of `confluent_kafka.Producer`."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._process = Process.current()
        self._cluster = self._process.cluster
        self._logger: logging.Logger = config["logger"]
        self._identity: str = config["transactional.id"]
        self._alone()
        self._process.producers[self._identity] = self
        self._epoch = -1
        self._unsent: list[dict[str, Any]] = []
        self._reports: list[Callable[[], None]] = []
        self._lines: list[str] = []
        self._in_transaction = self._indefinite = self._purged = False

    def init_transactions(self, _: float) -> None:
        def request() -> None:
            self._epoch = self._cluster.transactions.init(self._identity)

        self._usable()
        self._process.remote("init", request)
        self._process.epochs[self._identity] = self._epoch

    def begin_transaction(self) -> None:
        self._usable()
        if self._in_transaction or self._epoch < 0:
            raise KafkaException(KafkaError(KafkaError._STATE))
        self._in_transaction = True

    def produce(self, topic: str, **given: Any) -> None:
        self._usable()
        self._unsent.append({"topic": topic, **given})

    def flush(self, _: float) -> None:
        self._usable()
        unsent, self._unsent = self._unsent, []
        try:
            self._process.remote("flush", partial(self._send, unsent), seconds=6.0)
        except KafkaException:
            # No report: the records may be there or not.
            return
        for report in self._reports:
            report()

    def send_offsets_to_transaction(self, positions: list[TopicPartition], group: Membership, _: float) -> None:
        self._usable()
        self._process.remote("send_offsets", partial(self._send_offsets, positions, group))

    def commit_transaction(self, seconds: float) -> None:
        """EndTxn, with what can become of it on the way.

        * lost request: it never arrives, or (delayed) only after the caller has given up;
        * slow, cut off: librdkafka sends it twice and succeeds; the first one is still under way.
        """
        self._usable()
        if self._indefinite:
            raise KafkaException(KafkaError(KafkaError._CONFLICT, "", False, True, False))
        request = EndRequest(self._identity, self._epoch, commit=True)
        self._process.stand("commit", "before")
        trouble = self._process.take_trouble("commit")
        if trouble in ("slow", "cut off", "delayed"):
            self._cluster.under_way.append(request)
        if trouble in ("lost request", "delayed"):
            self._give_up(seconds)
        self._end(request)
        self._process.stand("commit", "after")
        if trouble == "lost answer":
            self._give_up(seconds)
        if trouble == "slow":
            self._cluster.seconds += SLOW_SECONDS
        if trouble == "cut off":
            self._lines.append("FAIL [thrd:broker]: Disconnected (after 54ms in state UP)")

    def abort_transaction(self, seconds: float) -> None:
        self._usable()
        if self._indefinite:
            raise KafkaException(KafkaError(KafkaError._CONFLICT, "", False, True, False))
        self._unsent, self._reports = [], []
        try:
            self._process.remote(
                "abort", partial(self._end, EndRequest(self._identity, self._epoch, commit=False)), seconds
            )
        except KafkaException as error:
            self._indefinite = error.args[0].code() == KafkaError._TIMED_OUT
            raise

    def poll(self, seconds: float) -> None:
        self._usable()
        self._cluster.seconds += seconds
        lines, self._lines = self._lines, []
        for line in lines:
            self._logger.info(line)

    def purge(self) -> None:
        """What its owner forgets; nothing is told to the broker."""
        self._purged = True

    def close(self) -> None:
        raise AssertionError("close() aborts without a limit and must not be called")

    def _alone(self) -> None:
        """A partition's producer is held in one place: the former one is thrown away before the next is made."""
        former = self._process.producers.get(self._identity)
        assert former is None or former._purged, "two producers with one id are held"

    def _usable(self) -> None:
        assert not self._purged, "a producer that was thrown away is used again"

    def _give_up(self, seconds: float) -> None:
        self._indefinite = True
        self._cluster.seconds += seconds
        raise timed_out()

    def _send(self, unsent: list[dict[str, Any]]) -> None:
        self._reports = []
        for one in unsent:
            try:
                transaction = self._cluster.transactions.take_part(self._identity, self._epoch, self._process.name)
            except FencedError:
                error = KafkaError(KafkaError._FENCED, "fenced", True, False, False)
                self._reports.append(partial(one["on_delivery"], error, None))
                continue
            place = one["topic"], one["partition"]
            offset = self._cluster.write(transaction, place, one["timestamp"], one["key"], one["value"], one["headers"])
            self._reports.append(partial(one["on_delivery"], None, Delivered(offset)))

    def _send_offsets(self, positions: list[TopicPartition], group: Membership) -> None:
        try:
            transaction = self._cluster.transactions.take_part(self._identity, self._epoch, self._process.name)
            self._cluster.group.check(group)
        except FencedError:
            raise KafkaException(KafkaError(KafkaError._FENCED, "fenced", True, False, False)) from None
        except UnknownMemberError:
            raise KafkaException(KafkaError(KafkaError.UNKNOWN_MEMBER_ID, "", False, False, True)) from None
        except StaleGenerationError:
            raise KafkaException(KafkaError(KafkaError.ILLEGAL_GENERATION, "", False, False, True)) from None
        # Which assignment of which process writes here.
        (partition,) = (one.partition for one in positions)
        transaction.owner = self._process.name, self._process.assignments.get(partition)
        transaction.offsets |= {one.partition: (one.offset, one.metadata or "") for one in positions}

    def _end(self, request: EndRequest) -> None:
        try:
            self._cluster.transactions.end(request)
        except FencedError:
            raise KafkaException(KafkaError(KafkaError._FENCED, "fenced", True, False, False)) from None
        except InvalidStateError:
            raise KafkaException(KafkaError(KafkaError.INVALID_TXN_STATE, "", True, False, False)) from None
        self._in_transaction = False
        self._reports = []
