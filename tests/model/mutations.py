"""The protocol, damaged on purpose in one place each: what the model must notice."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from consumer.settings import Settings
from consumer.stream import effects as do
from consumer.stream import fencing, machine, metadata, partition, readback, recovery
from consumer.stream.clients import reader_config
from consumer.stream.loop import StreamLoop
from consumer.stream.transaction import Done, Failed, Message, Offsets, TransactionalWriter
from tests.model.process import Process
from tests.model.producer import ModelProducer

Patch = pytest.MonkeyPatch
CHUNKS, RESULTS = ".chunk-results", ".results"


def offset_left_out_of_chunk_transactions(patch: Patch) -> None:
    transact, send = TransactionalWriter.transact, TransactionalWriter._send_offsets

    def damaged(writer: Any, messages: Sequence[Message], offsets: Offsets) -> Done | Failed:
        writer.carries_chunks = any(one.topic.endswith(CHUNKS) for one in messages)
        return transact(writer, messages, offsets)

    def send_unless_chunks(writer: Any, positions: list[TopicPartition], group: Any, left: float) -> None:
        if not writer.carries_chunks:
            send(writer, positions, group, left)

    patch.setattr(TransactionalWriter, "transact", damaged)
    patch.setattr(TransactionalWriter, "_send_offsets", send_unless_chunks)


def init_skipped_before_recovery(patch: Patch) -> None:
    """The new owner goes on with the epoch of the former one, whose transaction stays open."""
    init = ModelProducer.init_transactions

    def damaged(producer: ModelProducer, seconds: float) -> None:
        epochs = producer._cluster.transactions.epochs
        if producer._identity not in epochs:
            init(producer, seconds)
        producer._epoch = producer._process.epochs[producer._identity] = epochs[producer._identity]

    patch.setattr(ModelProducer, "init_transactions", damaged)
    # What is there for an offset that a broker keeps back for ever would cover this up, at the price of its waiting.
    patch.setattr(partition, "DOUBT_SECONDS", math.inf)


def read_back_skipped_after_an_indefinite_commit(patch: Patch) -> None:
    fenced = machine.fenced

    def damaged(state: machine.State, found: do.Fenced) -> machine.Step:
        after, effects = fenced(state, found)
        if after.work is not None and after.work.rejection is None:
            after = replace(after, work=replace(after.work, verify=False))
        return after, effects

    patch.setattr(machine, "fenced", damaged)


def recovery_reads_uncommitted(patch: Patch) -> None:
    def damaged(settings: Settings) -> dict[str, Any]:
        return reader_config(settings) | {"isolation.level": "read_uncommitted"}

    patch.setattr(recovery, "reader_config", damaged)


def committed_end_taken_as_the_barrier(patch: Patch) -> None:
    def stable_ends(_: Any, places: list[tuple[str, int]]) -> dict[tuple[str, int], int]:
        logs = Process.current().cluster.logs
        return {place: logs[place].stable_end for place in places}

    patch.setattr(readback, "log_ends", stable_ends)


def pause_flags_not_reset(patch: Patch) -> None:
    """The loop believes that it fetches what librdkafka holds paused since the last assignment."""

    class Everlasting(set[int]):
        def discard(self, _: object) -> None:
            """A revoked or assigned partition stays in it."""

    init = StreamLoop.__init__

    def damaged(loop: Any, **given: Any) -> None:
        init(loop, **given)
        loop._fetching = Everlasting()

    def admit(loop: Any) -> None:
        wanted = {number for number, owned in loop._owned.items() if owned.wants_records}
        loop._consumer.resume([TopicPartition(loop._topics.jobs, number) for number in wanted - loop._fetching])
        loop._fetching = Everlasting(loop._fetching | wanted)

    patch.setattr(StreamLoop, "__init__", damaged)
    patch.setattr(StreamLoop, "_admit", admit)


def final_outside_the_transaction(patch: Patch) -> None:
    transact = TransactionalWriter.transact

    def damaged(writer: TransactionalWriter, messages: Sequence[Message], offsets: Offsets) -> Done | Failed:
        process = Process.current()
        for one in messages:
            if one.topic.endswith(RESULTS):
                process.cluster.produce((one.topic, one.partition), one.value or b"", one.key or b"", one.headers)
        process.stand("flush", "after")
        return transact(writer, [one for one in messages if not one.topic.endswith(RESULTS)], offsets)

    patch.setattr(TransactionalWriter, "transact", damaged)


def attempts_counted_in_memory_only(patch: Patch) -> None:
    encode = metadata.encode
    patch.setattr(metadata, "encode", lambda progress, offset: encode(replace(progress, attempt=0), offset))


def ownership_epoch_ignored(patch: Patch) -> None:
    patch.setattr(StreamLoop, "_still_owned", lambda loop, number, _: loop._owned.get(number))


def transactional_id_of_the_process(patch: Patch) -> None:
    patch.setattr(fencing, "transactional_id", lambda *_: f"{Process.current().name}.0")
    # That two partitions then share an id is the damage; it must show in what readers see, not here.
    patch.setattr(ModelProducer, "_alone", lambda _: None)


def producer_used_again_after_a_slow_commit(patch: Patch) -> None:
    once = TransactionalWriter._once

    def damaged(writer: TransactionalWriter, messages: Sequence[Message], offsets: Offsets) -> Done:
        return replace(once(writer, messages, offsets), suspect=False)

    patch.setattr(TransactionalWriter, "_once", damaged)


def ends_that_were_not_told_are_believed(patch: Patch) -> None:
    patch.setattr(readback, "told", lambda offset: offset)


MUTATIONS: list[Callable[[Patch], None]] = [
    offset_left_out_of_chunk_transactions,
    init_skipped_before_recovery,
    read_back_skipped_after_an_indefinite_commit,
    recovery_reads_uncommitted,
    committed_end_taken_as_the_barrier,
    pause_flags_not_reset,
    final_outside_the_transaction,
    attempts_counted_in_memory_only,
    ownership_epoch_ignored,
    transactional_id_of_the_process,
    producer_used_again_after_a_slow_commit,
    ends_that_were_not_told_are_believed,
]
