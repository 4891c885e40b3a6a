"""What every Kafka client of this process has in common: addresses, security, logging."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from consumer.errors import ConfigurationError
from consumer.settings import Settings
from consumer.stream.security import security_config

_log = logging.getLogger("consumer.kafka")

# Decisions of the protocol that nobody may pass through by KAFKA_CONSUMER_ or KAFKA_PRODUCER_ settings.
_PROTECTED = frozenset(
    {
        "acks",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "isolation.level",
        "partition.assignment.strategy",
        "transactional.id",
    }
)
# These have settings of their own.
_NAMED = frozenset({"group.id", "group.instance.id", "group.protocol"})


def client_config(settings: Settings) -> dict[str, Any]:
    """librdkafka's settings for reaching the cluster, without anything that is special to one kind of client."""
    config: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        # Or a client that found no broker for a while looks again only after ten seconds, longer than a session may be.
        "reconnect.backoff.max.ms": 1000,
        # Without a logger librdkafka prints to stderr, its fatal lines even at log_level 0.
        "logger": _log,
    }
    return config | security_config(settings)


def consumer_config(settings: Settings) -> dict[str, Any]:
    """The group member that reads jobs.

    `read_committed`, or the coordinator may hand out an offset that a pending transaction is about to move. The fetch
    wait bounds how long a partition that was just resumed stands behind the long poll of the idle ones.
    """
    config = client_config(settings) | {
        "group.id": settings.kafka_group_id,
        "group.protocol": settings.kafka_group_protocol,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "fetch.wait.max.ms": 100,
        "allow.auto.create.topics": False,
        # Or waiting for a broker that is away becomes a loop of connections without any backoff.
        "enable.sparse.connections": False,
    }
    if settings.kafka_group_instance_id is not None:
        config["group.instance.id"] = settings.kafka_group_instance_id
    if settings.kafka_group_protocol == "classic":
        config["partition.assignment.strategy"] = "cooperative-sticky"
        # Partitions move in two rounds, and members hear of each by a heartbeat: every 3 s by default.
        config["heartbeat.interval.ms"] = 1000
    return config | _passed_through("kafka_consumer", settings.kafka_consumer)


def producer_config(settings: Settings, transactional_id: str) -> dict[str, Any]:
    """A transactional producer of one input partition; each value was measured (retries, time-outs, connections)."""
    config = client_config(settings) | {
        "transactional.id": transactional_id,
        "transaction.timeout.ms": 20_000,
        # Longer than our own deadlines of commit and abort: the time-out must be ours, not a silent second EndTxn.
        "socket.timeout.ms": 10_000,
        "message.timeout.ms": 20_000,
        "retry.backoff.ms": 5,
        "enable.sparse.connections": False,
        "linger.ms": 0,
        "acks": "all",
    }
    return config | _passed_through("kafka_producer", settings.kafka_producer)


def reader_config(settings: Settings) -> dict[str, Any]:
    """A reader of committed results by `assign()`: its group id is only what librdkafka asks for."""
    return client_config(settings) | {
        "group.id": f"{settings.kafka_group_id}.reader",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 10,
        "auto.offset.reset": "earliest",
        "allow.auto.create.topics": False,
    }


def admin_config(settings: Settings) -> dict[str, Any]:
    """The admin client that asks for the ends of logs, for as long as the process lives.

    It puts the leader's epoch into its questions and, told that it is old (FENCED_LEADER_EPOCH, after any restart of a
    broker), does not ask for the new one: what it knows must be forgotten soon.
    """
    return client_config(settings) | {"metadata.max.age.ms": 1000}


def submitter_config(settings: Settings) -> dict[str, Any]:
    """An idempotent producer of jobs; murmur2 puts a key where the producers of other languages put it by default."""
    config = client_config(settings) | {
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 5,
        "partitioner": "murmur2_random",
    }
    return config | _passed_through("kafka_producer", settings.kafka_producer)


def transactional_id(settings: Settings, topic: str, partition: int) -> str:
    """The same for every owner of the partition, so that each new one fences the former."""
    return f"{settings.kafka_group_id}.{topic}.{partition}"


def _passed_through(name: str, values: Mapping[str, str]) -> dict[str, str]:
    for key in values:
        variable = f"{name}_{key.replace('.', '_')}".upper()
        if key in _NAMED:
            own = f"kafka_{key.replace('.', '_')}".upper()
            raise ConfigurationError(f"{variable} must not be set: {own} is the setting for {key}.")
        if key in _PROTECTED:
            raise ConfigurationError(f"{variable} must not be set: the exactly-once guarantee depends on {key}.")
    return dict(values)
