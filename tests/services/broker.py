"""One Kafka broker (which is a KRaft controller too): its files and its process."""

from __future__ import annotations

import base64
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.services.jvm import java, java_environment
from tests.services.sandbox import Child, Sandbox

CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
BOOTSTRAP_CHECKPOINT = "bootstrap.checkpoint"

COMMON = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    # The log cleaner's buffer of 128 MB would not fit into the small heap.
    "log.cleaner.dedupe.buffer.size": "8388608",
    # A broker that was killed is let in again when its old registration is over: 9 s by default.
    "broker.session.timeout.ms": "1000",
    "broker.heartbeat.interval.ms": "200",
    # And a controller that is frozen is given up by the other brokers in seconds: 30 by default.
    "controller.socket.timeout.ms": "2000",
    # Groups notice in seconds that a member is gone or new, and tests may ask for shorter sessions still.
    "group.initial.rebalance.delay.ms": "0",
    "group.consumer.session.timeout.ms": "6000",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.heartbeat.interval.ms": "500",
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.min.session.timeout.ms": "1000",
    # Transactions of dead producers are looked for every 10 s by default.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}


@dataclass(frozen=True, slots=True)
class Route:
    """A second way to a broker, for a proxy to stand in: clients are sent to `port`, the broker listens at `behind`."""

    port: int
    behind: int


@dataclass(frozen=True, slots=True)
class Listener:
    """A further way to a broker, with a security protocol of its own; its settings begin with `listener.name.NAME.`."""

    name: str
    protocol: str
    port: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Member:
    """A broker's number in its cluster (from 1, as Kafka has it) and its ports."""

    node_id: int
    port: int
    controller_port: int
    route: Route | None = None
    listeners: tuple[Listener, ...] = ()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


def properties(member: Member, members: list[Member], data: Path, more: Mapping[str, str]) -> dict[str, str]:
    """server.properties of a member; `more` overrides."""
    replicas = min(len(members), 3)
    in_sync = str(max(1, replicas - 1))
    voters = ",".join(f"{one.node_id}@127.0.0.1:{one.controller_port}" for one in members)
    direct = f"PLAINTEXT://{member.address}"
    route = member.route
    further = "".join(f",{one.name}://{one.address}" for one in member.listeners)
    protocols = "".join(f",{one.name}:{one.protocol}" for one in member.listeners)
    return {
        **COMMON,
        "node.id": str(member.node_id),
        "controller.quorum.voters": voters,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,ROUTE:PLAINTEXT" + protocols,
        "inter.broker.listener.name": "PLAINTEXT",
        "listeners": f"{direct},CONTROLLER://127.0.0.1:{member.controller_port}"
        + (f",ROUTE://127.0.0.1:{route.behind}" if route else "")
        + further,
        "advertised.listeners": direct + (f",ROUTE://127.0.0.1:{route.port}" if route else "") + further,
        "log.dirs": str(data),
        "default.replication.factor": str(replicas),
        "offsets.topic.replication.factor": str(replicas),
        "transaction.state.log.replication.factor": str(replicas),
        "transaction.state.log.min.isr": in_sync,
        "min.insync.replicas": in_sync,
        "share.coordinator.state.topic.replication.factor": str(replicas),
        "share.coordinator.state.topic.min.isr": in_sync,
        **more,
    }


class Broker:
    """Starts, ends and starts again with the same data."""

    def __init__(self, sandbox: Sandbox, libs: Path, member: Member, members: list[Member]) -> None:
        self.member = member
        self.paused = False
        self._sandbox, self._libs, self._members = sandbox, libs, members
        self._directory = sandbox.directory / f"broker-{member.node_id}"
        self.child: Child | None = None

    def prepare(self, checkpoint: Path, more: Mapping[str, str]) -> None:
        """Write its files: what `kafka-storage format` would, from the checkpoint of one that was formatted."""
        data = self._directory / "data"
        data.mkdir(parents=True)
        shutil.copy(checkpoint, data / BOOTSTRAP_CHECKPOINT)
        identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        meta = {
            "version": "1",
            "node.id": str(self.member.node_id),
            "cluster.id": CLUSTER_ID,
            "directory.id": identity.replace("-", "x"),  # Kafka refuses identities that begin with a dash
        }
        write_properties(data / "meta.properties", meta)
        write_properties(self._directory / "server.properties", properties(self.member, self._members, data, more))

    def start(self, options: tuple[str, ...]) -> Child:
        """Start the process; `serves` tells when it answers."""
        settings = str(self._directory / "server.properties")
        command = java(self._libs, "kafka.Kafka", settings, options=options)
        self.paused = False
        self.child = self._sandbox.start(f"broker-{self.member.node_id}", command, java_environment())
        return self.child

    @property
    def running(self) -> bool:
        return self.child is not None and self.child.running

    def serves(self, others: set[int]) -> bool:
        """An admin request is answered by it, it sees these other brokers, and its partitions have leaders."""
        # A client of its own each time: one that knows the others would ask them.
        admin = AdminClient({"bootstrap.servers": self.member.address, "log_level": 0})
        try:
            seen = admin.list_topics(timeout=1.0)
        except KafkaException:
            return False
        led = all(
            partition.leader >= 0
            for topic in seen.topics.values()
            for partition in topic.partitions.values()
            if self.member.node_id in partition.replicas
        )
        return led and {self.member.node_id, *others} <= set(seen.brokers)


def write_properties(path: Path, values: Mapping[str, str]) -> None:
    """A Java properties file."""
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")
