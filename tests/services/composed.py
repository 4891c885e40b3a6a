"""docker-compose.yml's servers on this machine: their own commands and settings, with free ports and other places.

What differs is where things are: each `host:port` and each path of a container stands for one here (`here`).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.services.broker import CLUSTER_ID, write_properties
from tests.services.downloads import compose_program, kafka_libs, minio_program, prometheus_programs
from tests.services.jvm import java, java_environment
from tests.services.ports import PortLease
from tests.services.sandbox import Child, Sandbox
from tests.services.tools import run

ROOT = Path(__file__).parents[2]
_ADDRESS = re.compile(r"(?<![\w.])([a-z][a-z0-9-]*|):(\d{4,5})\b")
"""`kafka:19092`, and `:9092` for all addresses."""
_HEAP = ("-Xmx512m",)


class Composed:
    """The file as Docker understands it, and processes that run from their methods until the context is left.

    Args:
        services: addresses of servers that run already, by the container's, such as `schema-registry:8081`.
    """

    def __init__(self, services: Mapping[str, str]) -> None:
        read = subprocess.run(
            [compose_program(), "-format", "json", "docker-compose.yml"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            check=True,
        )
        self.services: dict[str, dict[str, Any]] = json.loads(read.stdout)["services"]
        self._known = dict(services)
        self._leases: dict[str, PortLease] = {}
        self._sandbox = Sandbox("composed")
        self.directory = self._sandbox.directory

    def __enter__(self) -> Composed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sandbox.close()
        for lease in self._leases.values():
            lease.close()

    def here(self, text: str) -> str:
        """The text with addresses of this machine; a port is the same one for whoever names it."""
        return _ADDRESS.sub(lambda found: self._known.get(found[0]) or f"127.0.0.1:{self._port(found[2])}", text)

    def environment(self, service: str) -> dict[str, str]:
        """What its container is told."""
        given = self.services[service]["environment"]
        return {name: self.here(str(value)) for name, value in given.items()}

    @property
    def kafka_properties(self) -> dict[str, str]:
        """server.properties, as the image makes it of the environment."""
        told = {name.removeprefix("KAFKA_"): value for name, value in self.environment("kafka").items()}
        # Two underscores in a row would mean one.
        assert not any("__" in name for name in told)
        return {name.lower().replace("_", "."): value for name, value in told.items()}

    def kafka(self) -> Child:
        """The broker: its image formats the disk, if it is not yet, and starts."""
        settings = self.directory / "server.properties"
        write_properties(settings, self.kafka_properties | {"log.dirs": str(self.directory / "kafka")})
        storage = ("format", "-t", CLUSTER_ID, "-c", str(settings))
        run(java(kafka_libs(), "kafka.tools.StorageTool", *storage), "to format Kafka's disk", cwd=self.directory)
        command = java(kafka_libs(), "kafka.Kafka", str(settings), options=_HEAP)
        return self._sandbox.start("kafka", command, java_environment())

    def kafka_health(self) -> None:
        """Asks as the health check does; raises ServicesError if it is not well."""
        _, script, *words = self.services["kafka"]["healthcheck"]["test"]
        assert script.endswith("/kafka-broker-api-versions.sh")
        words = [self.here(word) for word in words]
        run(
            java(kafka_libs(), "org.apache.kafka.tools.BrokerApiVersionsCommand", *words),
            "to ask Kafka how it is",
            cwd=self.directory,
        )

    def minio(self) -> Child:
        """The store."""
        words = [self.here(word) for word in shlex.split(self.services["minio"]["command"])]
        words = [str(self.directory / "minio") if word == "/data" else word for word in words]
        command = [str(minio_program()), *words, "--address", self.here("minio:9000"), "--quiet"]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.directory), **self.environment("minio")}
        return self._sandbox.start("minio", command, environment | {"MINIO_UPDATE": "off"})

    def prometheus(self) -> Child:
        """With the directory that is mounted, but for the consumer's address."""
        (mounted,) = [one for one in self.services["prometheus"]["volumes"] if one["type"] == "bind"]
        configuration = self.directory / "prometheus-configuration"
        shutil.copytree(mounted["source"], configuration)
        for path in (configuration / "targets").iterdir():
            path.write_text(self.here(path.read_text(encoding="utf-8")), encoding="utf-8")
        command = [str(prometheus_programs() / "prometheus"), f"--web.listen-address={self.here('prometheus:9090')}"]
        for word in self.services["prometheus"]["command"]:
            there = word.replace(mounted["target"], str(configuration))
            command.append(there.replace("=/prometheus", f"={self.directory / 'prometheus-data'}"))
        return self._sandbox.start("prometheus", command, {"PATH": os.environ["PATH"]})

    def _port(self, theirs: str) -> int:
        if theirs not in self._leases:
            self._leases[theirs] = PortLease()
        return self._leases[theirs].port
