"""docker-compose.yml: what it names exists, and is what the tests run on."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.setting_sources import PASS_THROUGH
from consumer.settings import Settings, load_settings
from tests.services import pins
from tests.services.prometheus import CONFIGURATION
from tests.services.stack import BUCKET, CREATE_TOPICS
from tools.dashboards.__main__ import BOARDS

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
CONSUMERS = ("consumer", "consumer-cpu")
ENDING = {"bucket", "topics"}
"""Services that do one thing and end."""
# Read by vLLM, the model hub's client and OpenMP themselves.
FOREIGN_PREFIXES = ("VLLM_", "HF_", "OMP_")


def environment(service: dict[str, Any]) -> dict[str, str]:
    """As the container gets it when nothing is set outside."""
    values = {name: str(value) for name, value in service["environment"].items()}
    return {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for name, value in values.items()}


def mounts(service: str) -> dict[str, Path | str]:
    """By place in the container: the file or directory of this repository, or the name of a volume."""
    pairs = [one.split(":")[:2] for one in SERVICES[service].get("volumes", ())]
    return {inside: ROOT / outside if outside.startswith(".") else outside for outside, inside in pairs}


def outside(service: str, path: str) -> Path:
    """The file of this repository that the container sees at `path`."""
    for inside, source in mounts(service).items():
        if isinstance(source, Path) and path.startswith(f"{inside}/"):
            return source / path.removeprefix(f"{inside}/")
    raise AssertionError(f"nothing of this repository is mounted at {path} of {service}")


@pytest.mark.parametrize("name", OURS)
def test_only_settings_that_exist_and_hold_are_set(name: str) -> None:
    service = OURS[name]
    variables = {key: value for key, value in environment(service).items() if not key.startswith(FOREIGN_PREFIXES)}
    passed = tuple(f"{prefix}_".upper() for prefix in PASS_THROUGH)
    unknown = [key for key in variables if key.lower() not in Settings.model_fields and not key.startswith(passed)]
    assert unknown == []
    settings = load_settings(environment=environment(service)).settings
    listeners = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert f"INSIDE://{settings.kafka_bootstrap_servers}," in listeners
    assert settings.schema_registry_url == "http://schema-registry:8081"
    assert settings.s3_bucket in " ".join(SERVICES["bucket"]["entrypoint"])


def test_what_can_be_set_outside_is_a_setting_of_the_same_name() -> None:
    for service in OURS.values():
        for name, value in service["environment"].items():
            assert re.sub(r"\$\{(\w+):-.*\}", r"\1", str(value)) in {name, str(value)}


def test_every_mounted_file_and_volume_is_there() -> None:
    for name in SERVICES:
        for source in mounts(name).values():
            assert source.exists() if isinstance(source, Path) else source in COMPOSE["volumes"], (name, source)
    used = {source for name in SERVICES for source in mounts(name).values() if isinstance(source, str)}
    assert used == set(COMPOSE["volumes"])


def test_prometheus_is_the_one_that_make_services_starts() -> None:
    service = SERVICES["prometheus"]
    assert service["image"] == f"prom/prometheus:v3.{pins.PROMETHEUS_VERSION.removeprefix('v0.3')}"
    (file,) = [word.partition("=")[2] for word in service["command"] if word.startswith("--config.file=")]
    assert outside("prometheus", file) == CONFIGURATION / "prometheus.yml"
    (storage,) = [word.partition("=")[2] for word in service["command"] if word.startswith("--storage.tsdb.path=")]
    assert mounts("prometheus")[storage] == "prometheus"


def test_prometheus_looks_for_the_consumer_of_either_profile() -> None:
    (targets,) = yaml.safe_load((CONFIGURATION / "targets" / "compose.yml").read_text(encoding="utf-8"))
    for name in CONSUMERS:
        settings = load_settings(environment=environment(SERVICES[name])).settings
        names = SERVICES[name]["networks"]["default"]["aliases"]
        assert targets["targets"] == [f"{one}:{settings.http_port}" for one in names]


def test_topics_and_bucket_are_made_as_make_services_makes_them() -> None:
    assert tuple(SERVICES["topics"]["command"].split()) == CREATE_TOPICS
    assert SERVICES["bucket"]["entrypoint"][-1] == f"store/{BUCKET}"


def test_grafana_finds_prometheus_and_all_dashboards() -> None:
    provisioning = outside("grafana", "/etc/grafana/provisioning/datasources")
    (source,) = yaml.safe_load((provisioning / "prometheus.yml").read_text(encoding="utf-8"))["datasources"]
    assert source["type"] == "prometheus", "the dashboards choose by it"
    service, port = source["url"].removeprefix("http://").split(":")
    assert SERVICES[service]["ports"] == [f"127.0.0.1:{port}:{port}"]
    scraping = yaml.safe_load((CONFIGURATION / "prometheus.yml").read_text(encoding="utf-8"))
    assert source["jsonData"]["timeInterval"] == scraping["global"]["scrape_interval"]
    (provider,) = yaml.safe_load((provisioning.parent / "dashboards" / "video-consumer.yml").read_text())["providers"]
    folder = outside("grafana", f"{provider['options']['path']}/")
    assert {path.stem for path in folder.rglob("*.json")} == {board.uid for board in BOARDS}
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert outside("grafana", home).is_file()


def test_grafana_is_of_the_version_that_the_dashboards_are_made_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (pinned,) = [one for one in project["optional-dependencies"]["dev"] if one.startswith("grafana-foundation-sdk")]
    assert SERVICES["grafana"]["image"] == f"grafana/grafana:{pinned.partition('!')[2]}"


def test_kafka_is_the_one_that_the_tests_run_on() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{pins.KAFKA_VERSION}"


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_starts_before_what_it_needs(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        ends = needed in ENDING
        assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy")
        assert ends or "healthcheck" in SERVICES[needed]
    if name in CONSUMERS:
        assert SERVICES[name]["depends_on"].keys() == {"topics", "bucket", "schema-registry"}


def test_each_server_is_asked_whether_it_lives_and_is_started_again() -> None:
    for name, service in SERVICES.items():
        if name in ENDING or name == "client":
            continue
        assert service["restart"] == "unless-stopped", name
        stage = service.get("build", {}).get("target")
        assert "healthcheck" in service or re.search(rf" AS {stage}\n(?:(?!\nFROM)[\s\S])*HEALTHCHECK --", DOCKERFILE)


def test_one_of_two_profiles_is_chosen_and_everything_else_comes_with_either() -> None:
    profiles = {name: tuple(service["profiles"]) for name, service in SERVICES.items() if "profiles" in service}
    assert profiles == {"consumer": ("gpu",), "consumer-cpu": ("cpu",), "client": ("tools",)}


def test_nothing_listens_to_other_machines() -> None:
    """The passwords stand in the file."""
    for name, service in SERVICES.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name


def test_chunks_get_their_time_to_finish() -> None:
    for name in CONSUMERS:
        grace = int(OURS[name]["stop_grace_period"].removesuffix("s"))
        assert grace > Settings().shutdown_grace_seconds


def test_images_are_stages_of_the_dockerfile() -> None:
    stages = set(re.findall(r"^FROM \S+ AS ([\w-]+)$", DOCKERFILE, re.MULTILINE))
    assert {service["build"]["target"] for service in OURS.values()} <= stages


def test_the_cpu_s_model_is_the_demo_s() -> None:
    python = re.search(r"^ARG PYTHON_VERSION=(.*)$", DOCKERFILE, re.MULTILINE)
    assert python
    inside = f"/opt/venv/lib/python{python[1]}/site-packages/"
    model = OURS["consumer-cpu"]["environment"]["MODEL_NAME"]
    assert model.startswith(inside)
    assert (ROOT / model.removeprefix(inside) / "config.json").is_file()
