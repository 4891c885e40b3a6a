"""`video-consumer run`, altered for a figure: `python -m tests.benchmarks.altered WORD ...`, or another command behind
`--`.

* `plain`: the same records without transactions: one idempotent producer, flush, then the offset is committed;
* `held=N`: chunks from index N on are never answered;
* `full=N`: the first chunk is answered when N have their frames;
* `io_thread`: the log tells the native id of the I/O thread (event `io_thread`);
* `metered`: the log's last line tells what the metrics cost (`tests.benchmarks.metered`);
* any word of `tests.chaos.mutant`.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, Producer

from consumer.cli.main import main
from consumer.inference.engine import ChunkSubject
from consumer.inference.synthetic import SyntheticEngine
from consumer.stream import fencing, loop
from consumer.stream.loop import StreamLoop
from consumer.stream.transaction import Done, Message, Offsets
from tests.benchmarks.metered import metered
from tests.chaos import mutant
from tests.chaos.mutations import patch

SECONDS = 10.0
TRANSACTIONAL = ("transactional.id", "transaction.timeout.ms")


class Plain:
    """What a worker without transactions has in common: its group member, and one producer for all partitions."""

    consumer: Consumer
    producer: Producer | None = None


class PlainWriter:
    """In the place of a TransactionalWriter: produce, flush, commit the offset; nothing is atomic, nobody is fenced."""

    def __init__(self, config: dict[str, Any], **_: Any) -> None:
        if Plain.producer is None:
            plain = {key: value for key, value in config.items() if key not in TRANSACTIONAL}
            Plain.producer = Producer(plain | {"enable.idempotence": True})
        self._producer = Plain.producer

    def init(self) -> None:
        """There is nobody to fence."""

    def drop(self) -> None:
        """The producer is everybody's."""

    def transact(self, messages: Sequence[Message], offsets: Offsets) -> Done:
        """Write `messages`, then the offset with its metadata."""
        places: dict[int, int] = {}

        def delivered(index: int, error: KafkaError | None, message: Any) -> None:
            if error is not None:
                raise RuntimeError(error.str())
            places[index] = message.offset()

        for index, one in enumerate(messages):
            self._producer.produce(
                one.topic,
                value=one.value,
                key=one.key,
                partition=one.partition,
                headers=list(one.headers),
                timestamp=one.timestamp,
                on_delivery=partial(delivered, index),
            )
        if messages:
            self._producer.flush(SECONDS)
        sending = offsets()
        if sending is None:
            raise RuntimeError("the partition was taken away: this variant is for runs without rebalances")
        Plain.consumer.commit(offsets=sending[0], asynchronous=False)
        return Done(tuple(places[index] for index in range(len(messages))), suspect=False)


def plain() -> None:
    """No transactions."""

    class Member(Consumer):
        def subscribe(self, *topics: Any, **callbacks: Any) -> None:
            Plain.consumer = self
            super().subscribe(*topics, **callbacks)

    patch(loop, "Consumer", lambda _: Member)
    patch(fencing, "TransactionalWriter", lambda _: PlainWriter)


def held(first: int) -> None:
    """Chunks from that index on are never answered: what is before them is all that gets done."""

    def generate(original: Any) -> Any:
        async def altered(self: SyntheticEngine, request: Any) -> Any:
            if isinstance(request.subject, ChunkSubject) and request.subject.chunk_index >= first:
                await asyncio.Event().wait()
            return await original(self, request)

        return altered

    patch(SyntheticEngine, "generate", generate)


def full(chunks: int) -> None:
    """No chunk is answered before so many have their frames in memory."""
    prepared: set[str] = set()
    enough = asyncio.Event()

    def prepare(_: Any) -> Any:
        async def altered(self: SyntheticEngine, request: Any) -> None:
            prepared.add(request.request_id)
            if len(prepared) >= chunks:
                enough.set()

        return altered

    def generate(original: Any) -> Any:
        async def altered(self: SyntheticEngine, request: Any) -> Any:
            # The clips that an engine is tried with at the start are not prepared.
            if request.request_id in prepared:
                await enough.wait()
            return await original(self, request)

        return altered

    patch(SyntheticEngine, "prepare", prepare)
    patch(SyntheticEngine, "generate", generate)


def io_thread() -> None:
    """The log tells which thread speaks to Kafka."""

    def run(original: Any) -> Any:
        def altered(self: StreamLoop) -> Any:
            structlog.get_logger(__name__).info("io_thread", thread=threading.get_native_id())
            return original(self)

        return altered

    patch(StreamLoop, "run", run)


def prepare(word: str) -> None:
    """Carry out one word of the command line."""
    name, _, rest = word.partition("=")
    if name == "held":
        held(int(rest))
    elif name == "full":
        full(int(rest))
    elif word == "io_thread":
        io_thread()
    elif word == "plain":
        plain()
    elif word == "metered":
        metered()
    else:
        mutant.prepare(word)


if __name__ == "__main__":
    words = sys.argv[1:]
    end = words.index("--") if "--" in words else len(words)
    for each in words[:end]:
        prepare(each)
    sys.exit(main(words[end + 1 :] or ["run"]))
