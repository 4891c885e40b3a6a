"""The topics of one deployment, made by the admin client alone."""

from __future__ import annotations

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumer.events.topics import Topics
from tests.integration.worker_process import wait_until

SECONDS = 30.0


def make_topics(bootstrap: str, topics: Topics, partitions: int, *, replicas: int = 1) -> None:
    """Make the five topics; returns when each of their partitions has a leader."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    records = (topics.jobs, topics.chunk_results, topics.results, topics.dead_letters)
    wanted = [NewTopic(name, partitions, replicas, config={"cleanup.policy": "delete"}) for name in records]
    wanted.append(NewTopic(topics.control, partitions, replicas, config={"cleanup.policy": "compact"}))
    for made in admin.create_topics(wanted, operation_timeout=SECONDS).values():
        made.result(SECONDS)

    def led() -> bool:
        seen = admin.list_topics(timeout=SECONDS).topics
        return all(
            topic.topic in seen
            and len(seen[topic.topic].partitions) == partitions
            and all(partition.leader >= 0 for partition in seen[topic.topic].partitions.values())
            for topic in wanted
        )

    wait_until(led, seconds=SECONDS, what="the topics have leaders")
