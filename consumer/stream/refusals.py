"""The sentences for what Kafka does not allow (ACLs). docs/security.md lists the rights of every command."""

from __future__ import annotations

from confluent_kafka import KafkaError
from confluent_kafka.admin import AclOperation  # type: ignore[attr-defined]

from consumer.settings import Settings

READ, WRITE, DESCRIBE = AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE
_DOING = {READ: "read", WRITE: "write to"}
_SEE = "(see docs/security.md)"


def forbidden_topic(topic: str, operation: AclOperation) -> str:
    """For a topic that may not be read or written."""
    return (
        f"Kafka does not let this client {_DOING[operation]} the topic {topic}; give its user the ACL "
        f"{operation.name.capitalize()} on it {_SEE}."
    )


def hidden_topic(topic: str) -> str:
    """For a topic that the broker does not even tell of, whether it exists or not."""
    return (
        f"Kafka does not let this client see the topic {topic}; give its user the ACLs on it that its command needs "
        f"{_SEE}."
    )


def of_no_matter(error: KafkaError) -> bool:
    """Whether a reader by `assign()` passes over its consumer's error.

    librdkafka looks for the coordinator of the group whose id it must have, and does not need it: so no right to it.
    """
    return error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED


def refusal(settings: Settings, text: str, group: str | None = None, topic: str | None = None) -> str | None:
    """For an error of rights.

    Args:
        text: librdkafka's, which holds the broker's reason.
        group: instead of the workers'.
        topic: that was written to, where there was one only.

    Returns:
        None: it is about something else.
    """
    group = group or settings.kafka_group_id
    if KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED).str() in text:
        return (
            f"Kafka does not let this client use the consumer group {group}; give its user the ACL Read on that group, "
            f"or Describe where it only looks {_SEE}."
        )
    if KafkaError(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED).str() in text:
        return (
            f"Kafka does not let this client use transactional ids that begin with {group}.; give its user the ACL "
            f"Write on that prefix {_SEE}."
        )
    if KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED).str() not in text:
        return None
    if topic is not None:
        return forbidden_topic(topic, WRITE)
    return (
        f"Kafka does not let this client use a topic of {settings.kafka_topic_prefix}; give its user the ACLs that its "
        f"command needs {_SEE}."
    )
