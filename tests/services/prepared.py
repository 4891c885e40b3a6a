"""What every broker's start needs and is made once per Kafka and Java: a formatted disk and an archive of classes."""

from __future__ import annotations

import shutil
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.services.broker import BOOTSTRAP_CHECKPOINT, CLUSTER_ID, Broker, Member, properties, write_properties
from tests.services.jvm import java
from tests.services.ports import PortLease
from tests.services.sandbox import Sandbox
from tests.services.tools import run, tell
from tests.services.waiting import wait_ready

ARCHIVE = "classes.jsa"
CHECKPOINT = BOOTSTRAP_CHECKPOINT
SECONDS = 30.0


def prepare(libs: Path, directory: Path) -> None:
    """Fill `directory` with the checkpoint of a formatted disk and with the archive of a broker that did some work."""
    tell("Preparing Apache Kafka for fast starts (once, about ten seconds) ...")
    leases = PortLease(), PortLease()
    member = Member(1, leases[0].port, leases[1].port)
    with Sandbox("prepare") as sandbox:
        disk = sandbox.directory / "disk"
        settings = sandbox.directory / "format.properties"
        write_properties(settings, properties(member, [member], disk, {}))
        command = java(libs, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(settings))
        run(command, "to format a disk for Apache Kafka", cwd=sandbox.directory)
        shutil.copy(disk / BOOTSTRAP_CHECKPOINT, directory / CHECKPOINT)
        broker = Broker(sandbox, libs, member, [member])
        broker.prepare(directory / CHECKPOINT, {})
        child = broker.start((f"-XX:ArchiveClassesAtExit={directory / ARCHIVE}",))
        wait_ready("Kafka", child, lambda: broker.serves(set()))
        _work(member.address)
        child.stop()
    for lease in leases:
        lease.close()


def _work(bootstrap: str) -> None:
    """Use what tests use, so that its classes are loaded."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic("some", 1, 1)])["some"].result(SECONDS)
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "some", "log_level": 0})
    producer.init_transactions(SECONDS)
    producer.begin_transaction()
    producer.produce("some", b"thing")
    producer.commit_transaction(SECONDS)
