"""Taking a partition over: a new producer under its transactional id, and what the group knows of it afterwards."""

from __future__ import annotations

from confluent_kafka import KafkaException, TopicPartition

from consumer.errors import ConfigurationError
from consumer.stream import metadata
from consumer.stream.clients import producer_config, transactional_id
from consumer.stream.effects import Fenced
from consumer.stream.outcomes import Verdict
from consumer.stream.readback import log_ends
from consumer.stream.tools import Tools
from consumer.stream.transaction import TransactionalWriter

COMMITTED_SECONDS = 2.0


class FencingError(Exception):
    """The broker did not answer in time; try again."""


def fence(tools: Tools, partition: int) -> tuple[TransactionalWriter, Fenced]:
    """Fence the former owner, then read the committed offset: in this order, for only then is it stable.

    Raises:
        FencingError: not now; nothing is held.
        ConfigurationError: the cluster refuses this client.
    """
    identity = transactional_id(tools.settings, tools.topics.jobs, partition)
    writer = TransactionalWriter(
        producer_config(tools.settings, identity), clock=tools.clock, between_tries=tools.serve
    )
    failed = writer.init()
    if failed is not None:
        writer.drop()
        if failed.verdict is Verdict.STOP:
            raise ConfigurationError(f"Kafka refused {failed.call.value}: {failed.message}; check the KAFKA_ settings.")
        raise FencingError(failed.message)
    try:
        return writer, _standing(tools, partition)
    except KafkaException as error:
        reason = str(error.args[0])
    writer.drop()
    raise FencingError(reason)


def _standing(tools: Tools, partition: int) -> Fenced:
    asked = TopicPartition(tools.topics.jobs, partition)
    # A time-out here means a pending transaction of someone who was not fenced: fence and ask again.
    (at,) = tools.consumer.committed([asked], timeout=COMMITTED_SECONDS)
    if at.error is not None:
        raise KafkaException(at.error)
    jobs, chunks, results = (
        (topic, partition) for topic in (tools.topics.jobs, tools.topics.chunk_results, tools.topics.results)
    )
    ends = log_ends(tools.admin, [jobs, chunks, results])
    return Fenced(
        offset=at.offset if at.offset >= 0 else None,
        progress=metadata.decode(at.metadata, at.offset) if at.offset >= 0 else None,
        verify_below=ends[jobs] if ends[chunks] or ends[results] else 0,
        results_end=ends[chunks],
    )
