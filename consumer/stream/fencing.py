"""Taking a partition over: a new producer under its transactional id, and what the group knows of it afterwards."""

from __future__ import annotations

from functools import partial
from typing import cast

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition

from consumer.stream import metadata
from consumer.stream.clients import producer_config, transactional_id
from consumer.stream.effects import Fenced
from consumer.stream.outcomes import Verdict
from consumer.stream.readback import REQUEST_SECONDS, log_ends
from consumer.stream.reporting import report_failure
from consumer.stream.tools import Tools
from consumer.stream.transaction import TransactionalWriter, stopped

COMMITTED_SECONDS = 2.0


class FencingError(Exception):
    """The broker did not answer in time; try again."""


class PendingOffsetError(FencingError):
    """The former owner is fenced, and still the coordinator keeps the offset back: someone's transaction is pending."""


def fence(tools: Tools, partition: int, *, doubtful: bool = False) -> tuple[TransactionalWriter, Fenced]:
    """Fence the former owner, then read the committed offset: in this order, for only then is it stable.

    Args:
        doubtful: take the last offset that is not pending, since the pending one stays for ever. Seen after a broker
            was killed between a commit and its markers: the coordinator replays the offset as pending, and nobody ends
            it. The next transaction under the same id does, and the log tells what had been done.

    Raises:
        FencingError: not now; nothing is held.
        ConfigurationError: the cluster refuses this client.
    """
    identity = transactional_id(tools.settings, tools.topics.jobs, partition)
    writer = TransactionalWriter(
        producer_config(tools.settings, identity),
        clock=tools.clock,
        between_tries=tools.serve,
        failed=partial(report_failure, tools.metrics, partition),
    )
    failed = writer.init()
    if failed is not None:
        writer.drop()
        if failed.verdict is Verdict.STOP:
            raise stopped(tools.settings, failed)
        raise FencingError(failed.message)
    try:
        at = _last_stable(tools, partition) if doubtful else _committed(tools, partition)
        return writer, _standing(tools, partition, at, doubtful)
    except KafkaException as error:
        failure = FencingError(str(error.args[0]))
    except FencingError as error:
        failure = error.with_traceback(None)
    writer.drop()
    raise failure


def _committed(tools: Tools, partition: int) -> TopicPartition:
    try:
        (at,) = tools.consumer.committed([TopicPartition(tools.topics.jobs, partition)], timeout=COMMITTED_SECONDS)
    except KafkaException as error:
        # This is how the client says that a transaction is pending; a broker that is away is noticed before.
        if error.args[0].code() == KafkaError._TIMED_OUT:
            raise PendingOffsetError(str(error.args[0])) from None
        raise
    if at.error is not None:
        raise KafkaException(at.error)
    return at


def _last_stable(tools: Tools, partition: int) -> TopicPartition:
    place = TopicPartition(tools.topics.jobs, partition)
    group = ConsumerGroupTopicPartitions(tools.settings.kafka_group_id, [place])
    (answer,) = tools.admin.list_consumer_group_offsets(
        [group], require_stable=False, request_timeout=REQUEST_SECONDS
    ).values()
    (at,) = answer.result(REQUEST_SECONDS + 1.0).topic_partitions
    if at.error is not None:
        raise KafkaException(at.error)
    return cast(TopicPartition, at)


def _standing(tools: Tools, partition: int, at: TopicPartition, doubtful: bool) -> Fenced:
    jobs, chunks, results = (
        (topic, partition) for topic in (tools.topics.jobs, tools.topics.chunk_results, tools.topics.results)
    )
    ends = log_ends(tools.admin, [jobs, chunks, results])
    return Fenced(
        offset=at.offset if at.offset >= 0 else None,
        progress=metadata.decode(at.metadata, at.offset) if at.offset >= 0 else None,
        verify_below=ends[jobs] if ends[chunks] or ends[results] else 0,
        results_end=ends[chunks],
        doubtful=doubtful,
    )
