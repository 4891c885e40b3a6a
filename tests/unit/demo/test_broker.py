"""The embedded broker carries what the demo's consumer and client ask of it."""

from __future__ import annotations

import logging

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from consumer.demo.broker import EmbeddedBroker
from consumer.settings import load_settings
from consumer.stream.cluster import Cluster

TOPICS = ("video.jobs", "video.results")
QUIET = logging.getLogger("consumer.kafka")


def test_topics_are_there_and_asking_makes_none() -> None:
    with EmbeddedBroker(TOPICS) as broker:
        settings = load_settings(
            environment={}, command_line={"kafka_bootstrap_servers": broker.bootstrap_servers}
        ).settings
        with Cluster(settings) as cluster:
            assert cluster.partitions([*TOPICS, "other"]) == dict.fromkeys(TOPICS, 4)
            assert cluster.partitions(["other"]) == {}
            assert cluster.first_offsets([("video.jobs", 3)]) == {("video.jobs", 3): 0}


def test_a_transaction_with_an_offset_is_read_back() -> None:
    with EmbeddedBroker(TOPICS) as broker:
        common = {"bootstrap.servers": broker.bootstrap_servers, "logger": QUIET}
        member = Consumer({**common, "group.id": "g", "auto.offset.reset": "earliest"})
        member.subscribe(["video.jobs"])
        member.poll(0.1)
        producer = Producer({**common, "transactional.id": "t", "enable.sparse.connections": False})
        producer.init_transactions(10)
        producer.begin_transaction()
        producer.produce("video.results", b"value", b"key", partition=2, headers=[("ce_id", b"1")])
        producer.flush(5)
        offset = TopicPartition("video.jobs", 2, 7, metadata="m")
        producer.send_offsets_to_transaction([offset], member.consumer_group_metadata(), 5)
        producer.commit_transaction(5)
        reader = Consumer({**common, "group.id": "r", "isolation.level": "read_committed"})
        reader.assign([TopicPartition("video.results", 2, 0)])
        found: list[Message] = reader.consume(1, timeout=10)
        assert [(one.key(), one.value(), one.headers()) for one in found] == [(b"key", b"value", [("ce_id", b"1")])]
        reader.close()
        member.close()
