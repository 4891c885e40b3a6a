"""Kafka's jars, by Maven, and programs that Go builds, servers and linters: fetched once into the cache.

Prometheus is as large as Kafka and takes minutes, so where there is Debian's package, that is unpacked.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from tests.services import pins
from tests.services.cache import made_once
from tests.services.errors import ServicesError
from tests.services.tools import require, run, tell

DEPENDENCIES = (
    ("org.apache.kafka", f"kafka_{pins.SCALA_VERSION}", pins.KAFKA_VERSION, False),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", pins.LOG4J_VERSION, False),
    # The console consumer. What it depends on is there already, but for what only other tools of that jar need.
    ("org.apache.kafka", "kafka-tools", pins.KAFKA_VERSION, True),
)


def kafka_libs() -> Path:
    """The directory of the jars that Kafka's broker and console consumer need.

    Raises:
        ServicesError: java or mvn is missing, or Maven failed.
    """
    require("java", "to run Apache Kafka")
    pom = _pom()
    name = f"kafka-{pins.KAFKA_VERSION}-{hashlib.sha256(pom.encode()).hexdigest()[:8]}"

    def fetch(directory: Path) -> None:
        require("mvn", "to fetch Apache Kafka")
        tell(f"Fetching Apache Kafka {pins.KAFKA_VERSION} with Maven (once, well under a minute) ...")
        (directory / "pom.xml").write_text(pom, encoding="utf-8")
        plugin = f"org.apache.maven.plugins:maven-dependency-plugin:{pins.MAVEN_DEPENDENCY_PLUGIN_VERSION}"
        goal = f"{plugin}:copy-dependencies"
        command = ["mvn", "-q", "-B", "-f", "pom.xml", goal, f"-DoutputDirectory={directory / 'libs'}"]
        run(command, "to fetch Apache Kafka", cwd=directory)

    return made_once(name, fetch) / "libs"


def minio_program() -> Path:
    """MinIO's server.

    Raises:
        ServicesError: go is missing, or the build failed.
    """
    directory = _go_program("minio", "MinIO", pins.MINIO_MODULE, pins.MINIO_VERSION, "about three minutes on two cores")
    return directory / "minio"


def toxiproxy_program() -> Path:
    """Toxiproxy's server.

    Raises:
        ServicesError: go is missing, or the build failed.
    """
    return _go_program("toxiproxy", "Toxiproxy", pins.TOXIPROXY_MODULE, pins.TOXIPROXY_VERSION) / "server"


def compose_program() -> Path:
    """What prints a Compose file as Docker understands it, or says what is wrong with it.

    Raises:
        ServicesError: go is missing, or the build failed.
    """
    return _go_program("compose", "Compose's reader", pins.COMPOSE_MODULE, pins.COMPOSE_VERSION) / "cmd"


def actionlint_program() -> Path:
    """The linter of GitHub's workflows.

    Raises:
        ServicesError: go is missing, or the build failed.
    """
    return _go_program("actionlint", "actionlint", pins.ACTIONLINT_MODULE, pins.ACTIONLINT_VERSION) / "actionlint"


def _go_program(name: str, title: str, module: str, version: str, time: str = "well under a minute") -> Path:
    """The directory of a program that Go builds once."""

    def build(directory: Path) -> None:
        require("go", f"to build {title}")
        tell(f"Building {title} {version} with Go (once, {time}) ...")
        # Without debug tables it is a third smaller.
        command = ["go", "install", "-ldflags=-s -w", f"{module}@{version}"]
        run(command, f"to build {title}", cwd=directory, environment={"GOBIN": str(directory)})

    return made_once(f"{name}-{version}", build)


def prometheus_programs() -> Path:
    """The directory of `prometheus` and `promtool`.

    Raises:
        ServicesError: neither Debian's package nor go is there, or the build failed.
    """
    return made_once(f"prometheus-{pins.PROMETHEUS_VERSION}", _fetch_prometheus)


def _fetch_prometheus(directory: Path) -> None:
    if shutil.which("apt-get") and shutil.which("dpkg-deb"):
        tell("Fetching Debian's package of Prometheus (once, some seconds) ...")
        try:
            _unpack_prometheus(directory)
        except ServicesError:
            tell("It is not to be had.")
        else:
            return
    require("go", "to build Prometheus")
    tell(f"Building Prometheus {pins.PROMETHEUS_VERSION} with Go (once, about six minutes on two cores) ...")
    # As a dependency of a module of its own: Go builds a module whose go.mod has `replace` in no other way.
    (directory / "go.mod").write_text(
        f"module local\ngo 1.25.0\nrequire {pins.PROMETHEUS_MODULE} {pins.PROMETHEUS_VERSION}\n", encoding="utf-8"
    )
    for name in ("prometheus", "promtool"):
        # Without the clients of all clouds, which find targets; ours stand in files.
        command = ["go", "build", "-mod=mod", "-trimpath", "-ldflags=-s -w", "-tags=remove_all_sd,netgo", "-o", "."]
        run([*command, f"{pins.PROMETHEUS_MODULE}/cmd/{name}"], "to build Prometheus", cwd=directory)


def _unpack_prometheus(directory: Path) -> None:
    run(["apt-get", "download", "prometheus"], "to fetch Prometheus", cwd=directory)
    (package,) = directory.glob("prometheus_*.deb")
    run(["dpkg-deb", "-x", package.name, "unpacked"], "to unpack Prometheus", cwd=directory)
    for name in ("prometheus", "promtool"):
        (directory / "unpacked" / "usr" / "bin" / name).rename(directory / name)
    shutil.rmtree(directory / "unpacked")
    package.unlink()


def _pom() -> str:
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>"
        + ("<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>" * alone)
        + "</dependency>"
        for group, artifact, version, alone in DEPENDENCIES
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>local</groupId><artifactId>services</artifactId><version>1</version><packaging>pom</packaging>"
        f"<dependencies>{dependencies}</dependencies></project>\n"
    )
