"""The small transaction on a scripted producer: what no broker can be made to answer on demand."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumer.stream import transaction
from consumer.stream.outcomes import Call, Verdict
from consumer.stream.transaction import REGROUP_TRIES, Done, Failed, Message, TransactionalWriter

MESSAGES = [Message("t", 0, b"k", value, [], 1) for value in (b"one", b"two")]


def error(code: int, *, fatal: bool = False, retriable: bool = False, abort: bool = False) -> KafkaException:
    return KafkaException(KafkaError(code, None, fatal, retriable, abort))


class Delivered:
    """The part of a delivered message that is read."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def offset(self) -> int:
        return self._offset


class ScriptedProducer:
    """Fails as its script says: call -> the errors of its next calls, None for success."""

    def __init__(self, clock: Clock, script: dict[Call, list[KafkaException | None]]) -> None:
        self._clock, self._script = clock, script
        self.calls: list[Call] = []
        self.purged = False
        self.commit_seconds = 0.0
        self.during_commit: Callable[[], None] = lambda: None
        self._reports: list[Callable[[Any, Any], None]] = []
        self.delivery_error: KafkaError | None = None
        self.fatal: KafkaException | None = None

    def _step(self, call: Call) -> None:
        assert not self.purged, "a producer that was thrown away is used again"
        self.calls.append(call)
        errors = self._script.get(call, [])
        failure = errors.pop(0) if errors else None
        if failure is not None:
            raise failure

    def init_transactions(self, _: float) -> None:
        self._step(Call.INIT)

    def begin_transaction(self) -> None:
        self._reports.clear()
        self._step(Call.BEGIN)

    def produce(self, _: str, **given: Any) -> None:
        self._step(Call.PRODUCE)
        self._reports.append(given["on_delivery"])

    def flush(self, _: float) -> None:
        self._raise_fatal()
        for place, report in enumerate(self._reports):
            report(self.delivery_error, Delivered(40 + place))

    def send_offsets_to_transaction(self, *_: Any) -> None:
        self._step(Call.SEND_OFFSETS)

    def commit_transaction(self, _: float) -> None:
        self._clock.now += self.commit_seconds
        self.during_commit()
        self._step(Call.COMMIT)

    def abort_transaction(self, _: float) -> None:
        self._step(Call.ABORT)

    def poll(self, seconds: float) -> None:
        self._clock.now += seconds
        self._raise_fatal()

    def _raise_fatal(self) -> None:
        if self.fatal is not None:
            raise self.fatal

    def purge(self) -> None:
        self.purged = True


class Clock:
    """Moves only where the script lets time pass."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Rig:
    """A writer on a scripted producer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, script: dict[Call, list[KafkaException | None]]) -> None:
        self.clock = Clock()
        self.config: dict[str, Any] = {}
        self.served = 0
        self.failures: list[Verdict] = []
        self.owner = True
        self.producer = ScriptedProducer(self.clock, script)

        def make(config: dict[str, Any]) -> ScriptedProducer:
            self.config = config
            return self.producer

        monkeypatch.setattr(transaction, "Producer", make)
        self.writer = TransactionalWriter(
            {"logger": logging.getLogger("test.kafka")},
            clock=self.clock,
            between_tries=self._serve,
            failed=lambda failed: self.failures.append(failed.verdict),
        )

    def _serve(self) -> None:
        self.served += 1

    def transact(self) -> Done | Failed:
        return self.writer.transact(MESSAGES, lambda: ([TopicPartition("j", 0, 5)], None) if self.owner else None)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[Call, list[KafkaException | None]]], Rig]:
    return lambda script: Rig(monkeypatch, script)


Make = Callable[[dict[Call, list[KafkaException | None]]], Rig]


def stale() -> KafkaException:
    return error(KafkaError.ILLEGAL_GENERATION, abort=True)


def test_fenced_while_records_are_flushed(rig: Make) -> None:
    one = rig({})
    one.producer.fatal = error(KafkaError._FENCED, fatal=True)
    assert one.transact() == Failed(Verdict.FENCED, Call.PRODUCE, one.producer.fatal.args[0].str())


def test_a_fatal_error_while_callbacks_run_does_not_hide_what_the_commit_says(rig: Make) -> None:
    one = rig({Call.SEND_OFFSETS: [None], Call.COMMIT: [error(KafkaError._FENCED, fatal=True)]})

    def fenced() -> None:
        one.producer.fatal = error(KafkaError._FENCED, fatal=True)

    one.producer.during_commit = fenced
    answer = one.transact()
    assert isinstance(answer, Failed)
    assert (answer.verdict, answer.call) == (Verdict.FENCED, Call.COMMIT)
    one = rig({})
    one.producer.during_commit = fenced
    assert isinstance(one.transact(), Done), "what is committed stays committed, whatever is heard afterwards"


def test_records_then_offsets_then_the_commit(rig: Make) -> None:
    one = rig({})
    assert one.transact() == Done(offsets=(40, 41), suspect=False)
    assert one.producer.calls == [Call.BEGIN, Call.PRODUCE, Call.PRODUCE, Call.SEND_OFFSETS, Call.COMMIT]


def test_a_stale_generation_is_tried_again_after_the_consumer_was_served(rig: Make) -> None:
    one = rig({Call.SEND_OFFSETS: [stale(), stale()]})
    assert isinstance(one.transact(), Done)
    assert one.producer.calls.count(Call.ABORT) == one.served == 2
    assert one.failures == [Verdict.REGROUP, Verdict.REGROUP], "each try is told of, although the last one succeeded"


def test_a_generation_that_stays_stale_breaks_the_producer_after_some_tries(rig: Make) -> None:
    one = rig({Call.SEND_OFFSETS: [stale() for _ in range(REGROUP_TRIES + 1)]})
    answer = one.transact()
    assert isinstance(answer, Failed)
    assert answer.verdict is Verdict.BROKEN
    assert one.producer.calls.count(Call.BEGIN) == REGROUP_TRIES


@pytest.mark.parametrize("call", [Call.COMMIT, Call.ABORT])
def test_an_uncertain_end_is_never_tried_again_with_the_same_producer(rig: Make, call: Call) -> None:
    script: dict[Call, list[KafkaException | None]] = {call: [error(KafkaError._TIMED_OUT, retriable=True)]}
    if call is Call.ABORT:
        script[Call.SEND_OFFSETS] = [stale()]
    one = rig(script)
    answer = one.transact()
    assert isinstance(answer, Failed)
    assert answer.verdict is Verdict.BROKEN
    assert one.producer.calls.count(call) == 1, "a loop on the flag would spin, or end the next transaction"
    assert one.producer.calls.count(Call.BEGIN) == 1


@pytest.mark.parametrize("call", [Call.PRODUCE, Call.SEND_OFFSETS])
def test_a_retriable_error_elsewhere_is_the_same_call_again_until_its_deadline(rig: Make, call: Call) -> None:
    again = rig({call: [error(KafkaError._TIMED_OUT, retriable=True), None]})
    assert isinstance(again.transact(), Done)
    for_ever = rig({call: [error(KafkaError._TIMED_OUT, retriable=True) for _ in range(10_000)]})
    answer = for_ever.transact()
    assert isinstance(answer, Failed)
    assert answer.verdict is Verdict.BROKEN
    assert for_ever.clock.now < 110.0


def test_who_lost_the_partition_sends_no_offset_and_commits_nothing(rig: Make) -> None:
    one = rig({})
    one.owner = False
    answer = one.transact()
    assert isinstance(answer, Failed)
    assert answer.verdict is Verdict.EVICTED
    assert Call.SEND_OFFSETS not in one.producer.calls
    assert Call.COMMIT not in one.producer.calls
    assert one.producer.calls[-1] is Call.ABORT


def test_what_was_lost_between_two_tries_is_not_committed(rig: Make) -> None:
    one = rig({Call.SEND_OFFSETS: [stale()]})

    def lose() -> None:
        one.owner = False

    one.writer._between_tries = lose
    answer = one.transact()
    assert isinstance(answer, Failed)
    assert answer.verdict is Verdict.EVICTED
    assert Call.COMMIT not in one.producer.calls


@pytest.mark.parametrize(
    ("failure", "verdict"),
    [
        (error(KafkaError._FENCED, fatal=True), Verdict.FENCED),
        (error(KafkaError.UNKNOWN_MEMBER_ID, abort=True), Verdict.EVICTED),
        (error(KafkaError.OFFSET_METADATA_TOO_LARGE, abort=True), Verdict.REFUSED),
        (error(KafkaError.TOPIC_AUTHORIZATION_FAILED), Verdict.STOP),
        (error(KafkaError._STATE), Verdict.BROKEN),
    ],
)
def test_what_no_second_try_can_mend_comes_back_at_once(rig: Make, failure: KafkaException, verdict: Verdict) -> None:
    one = rig({Call.SEND_OFFSETS: [failure]})
    answer = one.transact()
    assert isinstance(answer, Failed)
    assert answer.verdict is verdict
    assert one.producer.calls.count(Call.BEGIN) == 1
    assert one.failures == [verdict]
    assert (Call.ABORT in one.producer.calls) is (verdict in (Verdict.EVICTED, Verdict.REFUSED))


def test_a_record_that_is_not_delivered_aborts_the_whole_transaction(rig: Make) -> None:
    one = rig({})
    one.producer.delivery_error = KafkaError(KafkaError._MSG_TIMED_OUT)
    answer = one.transact()
    assert isinstance(answer, Failed)
    assert Call.COMMIT not in one.producer.calls


PURGED = KafkaError(KafkaError._PURGE_QUEUE)


def test_why_records_were_thrown_away_is_told_by_the_next_call(rig: Make) -> None:
    one = rig({Call.SEND_OFFSETS: [error(KafkaError.TOPIC_AUTHORIZATION_FAILED, abort=True)]})
    one.producer.delivery_error = PURGED
    failed = one.transact()
    assert isinstance(failed, Failed)
    assert failed.verdict is Verdict.STOP
    assert Call.COMMIT not in one.producer.calls


def test_records_that_were_thrown_away_are_never_committed(rig: Make) -> None:
    one = rig({})
    one.producer.delivery_error = PURGED
    failed = one.transact()
    assert isinstance(failed, Failed)
    assert failed.verdict is Verdict.BROKEN
    assert Call.COMMIT not in one.producer.calls


def test_a_slow_commit_counts_but_its_producer_does_not(rig: Make) -> None:
    one = rig({})
    one.producer.commit_seconds = 1.1
    assert one.transact() == Done(offsets=(40, 41), suspect=True)


def test_a_commit_during_which_a_connection_broke_counts_but_its_producer_does_not(rig: Make) -> None:
    one = rig({})
    log: logging.Logger = one.config["logger"]
    line = "FAIL [rdkafka#producer-1] [thrd:127.0.0.1:9092/1]: 127.0.0.1:9092/1: Disconnected (after 9ms in state UP)"
    log.info(line)
    assert one.transact() == Done(offsets=(40, 41), suspect=False), "before the commit it does not matter"
    one.producer.during_commit = lambda: log.info(line)
    assert one.transact() == Done(offsets=(40, 41), suspect=True)


def test_dropping_purges_and_lets_the_producer_go(rig: Make) -> None:
    one = rig({})
    one.writer.drop()
    assert one.producer.purged
    assert not hasattr(one.writer, "_producer")


def test_offsets_that_are_never_sent_break_the_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transaction, "OFFSETS_SECONDS", 0.01)
    monkeypatch.setattr(transaction, "OVERDUE_SECONDS", 0.01)
    rig, never = Rig(monkeypatch, {}), threading.Event()
    monkeypatch.setattr(rig.producer, "send_offsets_to_transaction", lambda *_: never.wait(60))
    answer = rig.transact()
    assert isinstance(answer, Failed)
    assert (answer.verdict, answer.call) == (Verdict.BROKEN, Call.SEND_OFFSETS)
    assert Call.ABORT not in rig.producer.calls, "what it does is unknown, so it is not used again"
    never.set()
