"""The parts of the guarantee, broken one at a time, from outside: each function replaces something in this process.

`mutant` calls them in a worker's process before it starts; the product knows nothing of them.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from consumer.stream import fencing, loop, machine, metadata, readback, recovery
from consumer.stream.loop import StreamLoop
from consumer.stream.transaction import Failed, TransactionalWriter

SECONDS = 10.0


def patch(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put `make(what is there)` in the place of an attribute."""
    setattr(owner, name, make(getattr(owner, name)))


def kind(messages: Sequence[Any]) -> str:
    """What a transaction is for, by what it writes: claim, chunk or final."""
    topics = {message.topic for message in messages}
    if any(topic.endswith(".chunk-results") for topic in topics):
        return "chunk"
    return "final" if topics else "claim"


def offsets_left_out() -> None:
    """The input offset, and the progress with it, is not sent in chunk transactions."""
    current = {"kind": ""}

    def once(original: Any) -> Any:
        def mutated(self: Any, messages: Any, offsets: Any) -> Any:
            current["kind"] = kind(messages)
            return original(self, messages, offsets)

        return mutated

    def send(original: Any) -> Any:
        def mutated(self: Any, *arguments: Any) -> None:
            if current["kind"] != "chunk":
                original(self, *arguments)

        return mutated

    patch(TransactionalWriter, "_once", once)
    patch(TransactionalWriter, "_send_offsets", send)


def init_late() -> None:
    """`init_transactions` is not called at assignment, but when the first transaction begins."""
    real = TransactionalWriter.init

    def transact(original: Any) -> Any:
        def mutated(self: Any, messages: Any, offsets: Any) -> Any:
            if not getattr(self, "initialised", False):
                failed = real(self)
                if failed is not None:
                    return failed
                self.initialised = True
            return original(self, messages, offsets)

        return mutated

    patch(TransactionalWriter, "transact", transact)
    patch(TransactionalWriter, "init", lambda _: lambda self: None)


def ids_of_processes() -> None:
    """The transactional id is a process's own, so that a new owner fences nobody."""
    patch(fencing, "transactional_id", lambda original: lambda *given: f"{original(*given)}.{os.getpid()}")


def read_back_skipped() -> None:
    """After a transaction of unknown outcome the log is not asked what it did."""

    def fenced(original: Any) -> Any:
        def mutated(state: Any, found: Any) -> Any:
            state, effects = original(state, found)
            if state.work is not None:
                state = dataclasses.replace(state, work=dataclasses.replace(state.work, verify=False))
            return state, effects

        return mutated

    patch(machine, "fenced", fenced)


def recovery_reads_uncommitted() -> None:
    """Recovery takes records of aborted transactions for results."""
    patch(
        recovery,
        "reader_config",
        lambda original: lambda settings: original(settings) | {"isolation.level": "read_uncommitted"},
    )


def committed_end() -> None:
    """Recovery reads to the end that committed readers are shown, which a stranger's open transaction holds back."""

    def log_ends(_: Any) -> Any:
        def mutated(admin: AdminClient, partitions: list[tuple[str, int]]) -> dict[tuple[str, int], int]:
            asked = {
                TopicPartition(*one): OffsetSpec.latest()  # type: ignore[no-untyped-call]
                for one in partitions
            }
            answers = admin.list_offsets(asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=SECONDS)
            return {(one.topic, one.partition): answer.result(SECONDS).offset for one, answer in answers.items()}

        return mutated

    patch(readback, "log_ends", log_ends)


def pause_flags_kept() -> None:
    """A partition that comes back to a member stays paused, as librdkafka leaves it."""

    class Forgetful(Consumer):
        had: frozenset[int] = frozenset()

        def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
            self.had |= {one.partition for one in partitions}
            super().incremental_unassign(partitions)

        def resume(self, partitions: list[TopicPartition]) -> None:
            super().resume([one for one in partitions if one.partition not in self.had])

    patch(loop, "Consumer", lambda _: Forgetful)


def final_outside() -> None:
    """The final result is sent by a producer without transactions, just before the transaction."""
    addresses: dict[int, str] = {}

    def init(original: Any) -> Any:
        def mutated(self: Any, config: dict[str, Any], **rest: Any) -> None:
            addresses[0] = config["bootstrap.servers"]
            original(self, config, **rest)

        return mutated

    def once(original: Any) -> Any:
        def mutated(self: Any, messages: Any, offsets: Any) -> Any:
            finals = [one for one in messages if one.topic.endswith(".results")]
            if finals:
                producer = Producer({"bootstrap.servers": addresses[0]})
                for one in finals:
                    place = {"partition": one.partition, "timestamp": one.timestamp, "headers": one.headers}
                    producer.produce(one.topic, value=one.value, key=one.key, **place)
                producer.flush(SECONDS)
            return original(self, [one for one in messages if one not in finals], offsets)

        return mutated

    patch(TransactionalWriter, "__init__", init)
    patch(TransactionalWriter, "_once", once)


def attempts_in_memory() -> None:
    """The number of starts is not written down, so a job that kills its process is never found out."""
    patch(
        metadata,
        "encode",
        lambda original: lambda progress, offset: original(dataclasses.replace(progress, attempt=0), offset),
    )


def epoch_ignored() -> None:
    """What was computed for a former assignment is taken for what the present one waits for."""
    patch(StreamLoop, "_still_owned", lambda _: lambda self, partition, epoch: self._owned.get(partition))


def slow_commit_trusted() -> None:
    """After a commit that was slow, and so may have been sent twice, the producer is used again."""

    def once(original: Any) -> Any:
        def mutated(self: Any, messages: Any, offsets: Any) -> Any:
            done = original(self, messages, offsets)
            return done if isinstance(done, Failed) else dataclasses.replace(done, suspect=False)

        return mutated

    patch(TransactionalWriter, "_once", once)


MUTATIONS: dict[str, Callable[[], None]] = {
    mutation.__name__: mutation
    for mutation in (
        offsets_left_out,
        init_late,
        ids_of_processes,
        read_back_skipped,
        recovery_reads_uncommitted,
        committed_end,
        pause_flags_kept,
        final_outside,
        attempts_in_memory,
        epoch_ignored,
        slow_commit_trusted,
    )
}
