"""Questions to a Kafka cluster through the admin client, each with a deadline and an error fit for a person."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from confluent_kafka import OFFSET_INVALID, Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from consumer.settings import Settings
from consumer.stream.clients import client_config
from consumer.stream.refusals import hidden_topic, refusal
from consumer.stream.unavailable import (
    BrokerErrors,
    KafkaRefusedError,
    KafkaUnavailableError,
    NoAnswerError,
    StaleMetadataError,
    detail,
    made,
    unavailable,
)

T = TypeVar("T")
Place = tuple[str, int]

REQUEST_SECONDS = 10.0
TRY_SECONDS = 2.0
_STEP_SECONDS = 0.05
# Seen of a busy broker, shortly after its topics were made: a moment later it answers.
_STALE = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
    }
)
_METADATA_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic to make: `config` holds Kafka's topic settings."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]


class Cluster:
    """One admin client; every method raises KafkaUnavailableError when no broker answers within `seconds`."""

    def __init__(self, settings: Settings, seconds: float = REQUEST_SECONDS) -> None:
        self._settings = settings
        self._seconds = seconds
        self._errors = BrokerErrors()
        config = client_config(settings) | {"error_cb": self._errors}
        self._admin = made(lambda: AdminClient(config))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._admin.poll(0)

    def brokers(self) -> int:
        """How many brokers are up."""
        return len(self._result(self._admin.describe_cluster(request_timeout=self._seconds)).nodes)

    def partitions(self, names: Collection[str]) -> dict[str, int]:
        """Partitions of those of the topics that exist; asking does not create any.

        By plain metadata requests, which any broker answers: the admin client's own description waits for a controller.
        """
        config = client_config(self._settings) | {
            "error_cb": self._errors,
            "group.id": f"{self._settings.kafka_group_id}.reader",
            # Or waiting for a broker that is away becomes a loop of connections without any backoff.
            "enable.sparse.connections": False,
            "allow.auto.create.topics": False,
        }
        consumer = made(lambda: Consumer(config))
        try:
            counts = {name: self._partitions(consumer, name) for name in names}
        finally:
            consumer.close()
        return {name: count for name, count in counts.items() if count is not None}

    def topic_configs(self, names: Collection[str]) -> dict[str, dict[str, str]]:
        """Settings of the topics; those that this client may not see (no permission, a small broker) are left out."""
        if not names:
            return {}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        hidden = (
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError.CLUSTER_AUTHORIZATION_FAILED,
            KafkaError._UNSUPPORTED_FEATURE,
            KafkaError.UNSUPPORTED_VERSION,
            KafkaError.UNKNOWN_TOPIC_OR_PART,
        )
        return self._configs(resources, hidden)

    def session_seconds(self, group: str) -> float | None:
        """How long the broker waits for a silent member of the group (KIP-848); None where it does not tell."""
        hidden = (KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED)
        asked = [ConfigResource(ResourceType.GROUP, group)]
        told = self._configs(asked, hidden).get(group, {}).get("consumer.session.timeout.ms")
        return None if told is None else int(told) / 1000

    def _configs(self, resources: list[ConfigResource], hidden: tuple[int, ...]) -> dict[str, dict[str, str]]:
        """By name; without those that this client may not see.

        Such a request goes to one broker, of which the metadata tell, and waits for that one although others are there.
        """
        deadline = time.monotonic() + self._seconds
        while True:
            futures = self._admin.describe_configs(resources, request_timeout=TRY_SECONDS)
            try:
                answers = {str(one.name): self._result(future, absent=hidden) for one, future in futures.items()}
            except NoAnswerError:
                if time.monotonic() + TRY_SECONDS > deadline:
                    raise
                with suppress(KafkaException):
                    # Or the same broker would be chosen again.
                    self._admin.list_topics(timeout=min(_METADATA_SECONDS, self._seconds))
                continue
            return {
                name: {key: entry.value for key, entry in entries.items()}
                for name, entries in answers.items()
                if entries is not None
            }

    def create(self, specs: Collection[TopicSpec]) -> dict[str, KafkaError | None]:
        """Make topics; for each name None or the broker's refusal."""
        if not specs:
            return {}
        new = [
            NewTopic(
                spec.name,
                num_partitions=spec.partitions,
                replication_factor=spec.replication_factor,
                config=dict(spec.config),
            )
            for spec in specs
        ]
        futures = self._admin.create_topics(new, operation_timeout=self._seconds, request_timeout=self._seconds)
        outcome: dict[str, KafkaError | None] = {}
        for name, future in futures.items():
            try:
                self._wait(future)
                outcome[name] = None
            except KafkaException as error:
                outcome[name] = self._refused(error)
        return outcome

    def await_topics(self, names: Collection[str]) -> None:
        """Wait until a broker knows the topics: the controller answers before they do."""
        deadline = time.monotonic() + self._seconds
        while len(self.partitions(names)) < len(names):
            if time.monotonic() > deadline:
                raise unavailable(self._settings, self._seconds, self._errors)
            time.sleep(_STEP_SECONDS)

    def end_offsets(self, places: Iterable[Place]) -> dict[Place, int]:
        """The offset after the last record, committed or not."""
        return self._offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def first_offsets(self, places: Iterable[Place]) -> dict[Place, int]:
        """The offset of the oldest record that is still there."""
        return self._offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def offsets_at(self, places: Iterable[Place], milliseconds: int) -> dict[Place, int]:
        """The first offset with a time stamp (ms since the epoch) at or after the given one, else the end."""
        places = list(places)
        found = self._offsets(places, OffsetSpec.for_timestamp(milliseconds))
        later = [place for place, offset in found.items() if offset < 0]
        return found | self.end_offsets(later)

    def _partitions(self, consumer: Consumer, name: str) -> int | None:
        deadline = time.monotonic() + self._seconds
        while True:
            try:
                topic = consumer.list_topics(name, timeout=min(_METADATA_SECONDS, self._seconds)).topics[name]
            except KafkaException:
                # The reason comes by error_cb, which is called here.
                consumer.poll(0)
                if self._errors.refusal is not None or time.monotonic() > deadline:
                    raise unavailable(self._settings, self._seconds, self._errors) from None
                continue
            if topic.error is None:
                return len(topic.partitions)
            if topic.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return None
            if topic.error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise KafkaRefusedError(hidden_topic(name))
            raise self._unexpected(topic.error)

    def _offsets(self, places: Iterable[Place], spec: OffsetSpec) -> dict[Place, int]:
        request = {TopicPartition(topic, partition): spec for topic, partition in places}
        if not request:
            return {}
        deadline = time.monotonic() + self._seconds
        while True:
            futures = self._admin.list_offsets(
                request, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=self._seconds
            )
            answers = {(place.topic, place.partition): future for place, future in futures.items()}
            try:
                found = {place: int(self._result(future).offset) for place, future in answers.items()}
                break
            except StaleMetadataError:
                if time.monotonic() > deadline:
                    raise
                with suppress(KafkaException):
                    self._admin.list_topics(timeout=min(_METADATA_SECONDS, self._seconds))
        if OFFSET_INVALID in found.values():
            # The connection to a leader broke before the answer, which librdkafka does not call an error.
            raise unavailable(self._settings, self._seconds, self._errors)
        return found

    def _result(self, future: Future[Any], absent: tuple[int, ...] = ()) -> Any:
        try:
            return self._wait(future)
        except KafkaException as error:
            refused = self._refused(error)
            if refused.code() in absent:
                return None
            if refused.code() in _STALE:
                raise StaleMetadataError(str(self._unexpected(refused))) from None
            raise self._unexpected(refused) from None

    def _unexpected(self, error: KafkaError) -> KafkaUnavailableError:
        told = refusal(self._settings, error.str())
        if told is not None:
            return KafkaRefusedError(told)
        return KafkaUnavailableError(
            f"Kafka at {self._settings.kafka_bootstrap_servers} (KAFKA_BOOTSTRAP_SERVERS) answered with an error: "
            f"{detail(error)}."
        )

    def _wait(self, future: Future[T]) -> T:
        return await_future(
            future, self._seconds, self._serve, lambda: unavailable(self._settings, self._seconds, self._errors)
        )

    def _serve(self) -> bool:
        self._admin.poll(0)
        return self._errors.refusal is not None

    def _refused(self, error: KafkaException) -> KafkaError:
        """The broker's own error; those that mean that none answered become KafkaUnavailableError."""
        self._admin.poll(0)
        refused: KafkaError = error.args[0]
        silent = (KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE)
        if refused.code() in silent:
            raise unavailable(self._settings, self._seconds, self._errors) from None
        return refused


def await_future(
    future: Future[T], seconds: float, serve: Callable[[], bool], failure: Callable[[], KafkaUnavailableError]
) -> T:
    """Wait for an admin request while serving callbacks; `serve` returns True when waiting is pointless."""
    deadline = time.monotonic() + seconds + 1.0
    while True:
        try:
            return future.result(timeout=_STEP_SECONDS)
        except FutureTimeoutError:
            if serve() or time.monotonic() > deadline:
                raise failure() from None
