"""Records that Kafka refuses: what is written in their place."""

from __future__ import annotations

from consumer.errors import ErrorCode
from consumer.stream import effects as do
from consumer.stream import machine
from consumer.stream.values import Rejection
from tests.unit.stream.builders import chunk, final, record
from tests.unit.stream.steps import commit, idle, only, running


def test_of_several_refused_chunks_only_the_large_one_is_replaced() -> None:
    state, effects = machine.refused(machine.computed(running(), (chunk(0), chunk(1)))[0], "too large")
    assert [one.chunk_index for one in only(effects, do.Transact).chunks] == [0]
    state, effects = commit((state, effects))
    state, effects = machine.refused(state, "too large")
    (replaced,) = only(effects, do.Transact).chunks
    assert replaced.chunk_index == 1
    assert replaced.error is not None
    assert replaced.error.code is ErrorCode.RESULT_TOO_LARGE
    assert (replaced.success, replaced.response) == (False, None)
    assert machine.refused(state, "still")[1] == (do.Cancel(), do.Drop(), do.Exit(1))


def test_a_final_that_is_too_large_loses_its_answer_not_its_list() -> None:
    _, effects = machine.refused(machine.concluded(running(), final())[0], "too large")
    sent = only(effects, do.Transact).final
    assert sent is not None
    assert sent.status == "partial"
    assert sent.aggregated_response is None
    assert sent.chunks == final().chunks


def test_a_dead_letter_that_is_too_large_loses_its_value_not_its_reason() -> None:
    rejection = Rejection(ErrorCode.EVENT_INVALID, "no", None, "decode")
    state, _ = machine.arrived(idle(), record(5), rejection)
    _, effects = machine.refused(state, "too large")
    assert only(effects, do.Transact).record.value is None
    assert only(effects, do.Transact).rejection == rejection


def test_a_failed_job_that_is_too_large_keeps_its_reason_and_goes_to_the_dead_letters_without_value() -> None:
    told = {"aggregated_response": None, "metadata": {"a": "b"}}
    failed = final(status="failed", code=ErrorCode.SOURCE_NOT_FOUND).model_copy(update=told)
    state, effects = machine.refused(machine.concluded(running(), failed)[0], "too large")
    assert only(effects, do.Transact).final == failed.model_copy(update={"metadata": {}})
    state, effects = machine.refused(state, "still")
    assert only(effects, do.Transact).record.value is None
    assert only(effects, do.Transact).offset == 6
    assert machine.refused(state, "still")[1] == (do.Cancel(), do.Drop(), do.Exit(1))
