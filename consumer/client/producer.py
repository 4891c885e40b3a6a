"""Writes jobs to Kafka, one at a time, each confirmed before the next."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from consumer.client.problems import JobTooLargeError, SubmitError
from consumer.errors import VideoConsumerError
from consumer.events.headers import event_id
from consumer.settings import Settings
from consumer.stream.clients import submitter_config
from consumer.stream.refusals import WRITE, forbidden_topic
from consumer.stream.unavailable import BrokerErrors, KafkaRefusedError, made, unavailable

# librdkafka's own limit where KAFKA_PRODUCER_MESSAGE_MAX_BYTES does not set another.
DEFAULT_MESSAGE_MAX_BYTES = 1_000_000
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class JobHandle:
    """Where a job's record stands; its results stand in the same partition number of the result topics.

    Args:
        timestamp: the record's, in ms since the epoch; no result of the job has an earlier one.
    """

    job_id: str
    topic: str
    partition: int
    offset: int
    timestamp: int

    @property
    def run_id(self) -> str:
        """The `run_id` of this record's results, which tells two records with the same job id apart."""
        return event_id(self.topic, self.partition, self.offset, "run")


class JobProducer:
    """An idempotent producer.

    Args:
        seconds: how long a job may take to be confirmed.
    """

    def __init__(self, settings: Settings, seconds: float) -> None:
        self._settings, self._seconds = settings, seconds
        self._errors = BrokerErrors()
        config = submitter_config(settings) | {
            "error_cb": self._errors,
            # Ours is the deadline: librdkafka gives up just before, so that a late delivery cannot follow our error.
            "message.timeout.ms": max(1, int(seconds * 1000) - 500),
        }
        self._limit = _limit(config)
        self._producer = made(lambda: Producer(config))

    def send(self, topic: str, job_id: str, value: bytes, headers: list[tuple[str, str | bytes | None]]) -> JobHandle:
        """Write one job and wait until all in-sync replicas have it.

        Raises:
            JobTooLargeError: the message is over the producer's or the topic's limit.
            KafkaUnavailableError: this client is refused, or the broker does not answer.
            SubmitError: the broker refuses the record, or its answer did not come in time.
        """
        delivered: list[Message] = []
        problem: list[KafkaError] = []

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                problem.append(error)
            else:
                delivered.append(message)

        try:
            self._producer.produce(topic, value, job_id.encode(), headers=headers, on_delivery=on_delivery)
        except KafkaException as error:
            raise self._explained(error.args[0], topic, job_id, len(value)) from None
        deadline = time.monotonic() + self._seconds
        while not delivered and not problem and time.monotonic() < deadline and self._errors.refusal is None:
            try:
                self._producer.poll(_POLL_SECONDS)
            except KafkaException as error:
                # One that ends the producer for good.
                raise self._explained(error.args[0], topic, job_id, len(value)) from None
        if self._errors.refusal is not None and not delivered:
            raise unavailable(self._settings, self._seconds, self._errors)
        if not delivered:
            raise self._explained(problem[0] if problem else None, topic, job_id, len(value))
        message = delivered[0]
        return JobHandle(job_id, topic, message.partition() or 0, message.offset() or 0, message.timestamp()[1])

    def close(self) -> None:
        """Drop what was not confirmed; its `send` has raised already."""
        self._producer.purge()
        self._producer.poll(0)

    def _explained(self, error: KafkaError | None, topic: str, job_id: str, size: int) -> VideoConsumerError:
        if error is None or error.code() in (KafkaError._MSG_TIMED_OUT, KafkaError._TIMED_OUT):
            reason = unavailable(self._settings, self._seconds, self._errors)
            return SubmitError(
                f"The job {job_id} was not confirmed, so it may or may not have been written (look with "
                f"`video-consumer watch {job_id}` before sending it again): {reason}"
            )
        if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            ours = size >= self._limit - 1000
            return _too_large(
                job_id, size, _ours(self._limit) if ours else f"the topic {topic} takes (its max.message.bytes)"
            )
        # Who may write to no topic at all gets no producer id, by the name of a right on the cluster.
        if error.code() in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED):
            return KafkaRefusedError(forbidden_topic(topic, WRITE))
        return SubmitError(f"Kafka did not take the job {job_id} into {topic}: {error.str().rstrip('.')}.")


def require_room(settings: Settings, job_id: str, size: int) -> None:
    """Raises JobTooLargeError where a value of so many bytes does not fit into what the producer sends."""
    limit = _limit(submitter_config(settings))
    if size > limit:
        raise _too_large(job_id, size, _ours(limit))


def _limit(config: Mapping[str, object]) -> int:
    return int(str(config.get("message.max.bytes", DEFAULT_MESSAGE_MAX_BYTES)))


def _ours(limit: int) -> str:
    return f"the limit of {limit:,} bytes (KAFKA_PRODUCER_MESSAGE_MAX_BYTES)"


def _too_large(job_id: str, size: int, limit: str) -> JobTooLargeError:
    return JobTooLargeError(
        f"The job {job_id} is a message of {size:,} bytes, more than {limit}; shorten prompt, metadata or "
        "response_schema."
    )
