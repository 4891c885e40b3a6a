"""The table of producer errors: every row of the protocol page."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from confluent_kafka import KafkaError

from consumer.stream.outcomes import Call, Verdict, classify

EVERY_CALL = list(Call)


@dataclass(frozen=True)
class Error:
    number: int
    is_fatal: bool = False
    is_retriable: bool = False
    needs_abort: bool = False

    def code(self) -> int:
        return self.number

    def fatal(self) -> bool:
        return self.is_fatal

    def retriable(self) -> bool:
        return self.is_retriable

    def txn_requires_abort(self) -> bool:
        return self.needs_abort


@pytest.mark.parametrize("call", [Call.COMMIT, Call.ABORT])
@pytest.mark.parametrize("code", [KafkaError._TIMED_OUT, KafkaError._CONFLICT, KafkaError._STATE])
def test_an_uncertain_end_breaks_the_producer_although_it_looks_retriable(call: Call, code: int) -> None:
    assert classify(call, Error(code, is_retriable=True)) is Verdict.BROKEN


@pytest.mark.parametrize("call", [Call.INIT, Call.BEGIN, Call.PRODUCE, Call.SEND_OFFSETS])
def test_elsewhere_a_retriable_error_is_the_same_call_again(call: Call) -> None:
    assert classify(call, Error(KafkaError._TIMED_OUT, is_retriable=True)) is Verdict.RETRY


@pytest.mark.parametrize("call", EVERY_CALL)
def test_a_fatal_error_is_a_fencing_whatever_else_it_is(call: Call) -> None:
    assert classify(call, Error(KafkaError._FENCED, is_fatal=True)) is Verdict.FENCED
    assert classify(call, Error(KafkaError.INVALID_TXN_STATE, is_fatal=True, is_retriable=True)) is Verdict.FENCED


@pytest.mark.parametrize("call", EVERY_CALL)
@pytest.mark.parametrize("code", [KafkaError.UNKNOWN_MEMBER_ID, KafkaError.FENCED_INSTANCE_ID])
def test_a_member_that_the_group_does_not_know_has_lost_its_partitions(call: Call, code: int) -> None:
    assert classify(call, Error(code, needs_abort=True)) is Verdict.EVICTED


def test_a_stale_generation_is_tried_again_with_fresh_metadata() -> None:
    error = Error(KafkaError.ILLEGAL_GENERATION, needs_abort=True)
    assert classify(Call.SEND_OFFSETS, error) is Verdict.REGROUP
    assert classify(Call.COMMIT, error) is Verdict.REGROUP


@pytest.mark.parametrize(
    "code",
    [KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE, KafkaError.OFFSET_METADATA_TOO_LARGE],
)
def test_what_is_too_large_stays_too_large(code: int) -> None:
    assert classify(Call.PRODUCE, Error(code)) is Verdict.REFUSED
    assert classify(Call.SEND_OFFSETS, Error(code, needs_abort=True)) is Verdict.REFUSED


@pytest.mark.parametrize("call", EVERY_CALL)
@pytest.mark.parametrize(
    "code",
    [
        KafkaError._AUTHENTICATION,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ],
)
def test_missing_rights_stop_the_process_even_when_they_are_fatal_or_abortable(call: Call, code: int) -> None:
    assert classify(call, Error(code, is_fatal=True, needs_abort=True)) is Verdict.STOP


def test_any_other_abortable_error_is_the_whole_transaction_again() -> None:
    error = Error(KafkaError.UNKNOWN_TOPIC_OR_PART, needs_abort=True)
    assert classify(Call.SEND_OFFSETS, error) is Verdict.ABORT
    assert classify(Call.COMMIT, error) is Verdict.ABORT
    assert classify(Call.ABORT, error) is Verdict.BROKEN


def test_an_error_without_any_flag_is_not_guessed_at() -> None:
    assert classify(Call.SEND_OFFSETS, Error(KafkaError._FAIL)) is Verdict.BROKEN
