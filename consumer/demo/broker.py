"""A broker inside this process: librdkafka's mock cluster, reached over loopback like any other.

It carries the calls of the protocol, and none of its guarantees: it fences nobody, shows aborted records to every
reader and forgets offsets that were committed in a transaction. So it shows how things work, and proves nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException, Producer

from consumer.errors import VideoConsumerError

START_SECONDS = 10.0
_log = logging.getLogger("consumer.kafka")


class BrokerError(VideoConsumerError):
    """The embedded broker did not start."""


class EmbeddedBroker:
    """A context manager: the broker lives as long as the client that made it.

    Args:
        topics: made at the start, each with the four partitions that this broker gives every topic.
    """

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics = tuple(topics)
        self._owner: Producer | None = None
        self.bootstrap_servers = ""

    def __enter__(self) -> Self:
        """Start it.

        Raises:
            BrokerError: it does not answer, or a topic could not be made.
        """
        # The address is made up by the mock cluster; the name stands for the one that librdkafka insists on.
        owner = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "embedded", "logger": _log})
        try:
            brokers = owner.list_topics(timeout=START_SECONDS).brokers.values()
            self.bootstrap_servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
            for topic in self._topics:
                # Asked for by name, a topic comes into being; this broker has no CreateTopics.
                made = owner.list_topics(topic, timeout=START_SECONDS).topics[topic]
                if made.error is not None:
                    raise BrokerError(f"The embedded broker did not make the topic {topic}: {made.error.str()}.")
        except KafkaException as error:
            raise BrokerError(f"The embedded broker did not start: {error.args[0].str()}.") from None
        self._owner = owner
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # With the last reference the cluster ends; a close() would wait for brokers that are gone with it.
        self._owner = None
