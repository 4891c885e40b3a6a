"""What stands around the code: each name that it uses exists, and the documents agree with each other."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from consumer.cli.main import COMMANDS, cli
from consumer.setting_sources import PASS_THROUGH
from consumer.settings import Settings, load_settings
from tests.services.pins import KAFKA_VERSION

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
README = (ROOT / "README.md").read_text()
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
# Read by vLLM, the model hub's client and OpenMP themselves.
FOREIGN_PREFIXES = ("VLLM_", "HF_", "OMP_")


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


def our_services() -> dict[str, dict[str, Any]]:
    return {name: service for name, service in compose()["services"].items() if "build" in service}


def environment(service: dict[str, Any]) -> dict[str, str]:
    """As the container gets it when nothing is set outside."""
    values = {name: str(value) for name, value in service["environment"].items()}
    return {name: re.sub(r"\$\{\w+:-(.*)\}", r"\1", value) for name, value in values.items()}


def test_the_contract_s_targets_are_there() -> None:
    assert {"install", "demo", "test", "lint", "chaos", "bench", "services", "services-stop", "docs"} < TARGETS


def test_make_alone_lists_all_targets() -> None:
    assert set(re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.MULTILINE)) == TARGETS


def test_all_targets_are_phony() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == TARGETS


def test_the_readme_names_only_targets_and_commands_that_exist() -> None:
    parts = re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", README, re.DOTALL)
    code = "\n".join(block or span for block, span in parts)
    targets = set(re.findall(r"\bmake ([a-z-]+)", code))
    commands = set(re.findall(r"\bvideo-consumer ([a-z]+)", code))
    assert {"demo", "test", "services"} <= targets <= TARGETS
    assert {"run", "submit", "check"} <= commands <= set(COMMANDS)


def test_the_readme_s_table_of_commands_is_complete() -> None:
    table = README[README.index("| command | does |") : README.index("Exit codes:")]
    named = re.findall(
        r"`([a-z]+)(?: ([a-z]+))?[^`]*`", "\n".join(row.split("|")[1] for row in table.splitlines() if row)
    )
    assert {name for name, _ in named} == set(COMMANDS)
    context = click.Context(cli)
    for name, nested in named:
        group = cli.get_command(context, name)
        if nested:
            assert isinstance(group, click.Group)
            assert nested in group.commands


def test_the_readme_s_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_ci_runs_the_readme_s_second_command() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & stat.S_IXUSR
    assert script.read_text().splitlines()[-1] == "exec make test </dev/null"
    assert "\nmake test " in README


@pytest.mark.parametrize("name", our_services())
def test_compose_sets_only_settings_that_exist_and_hold(name: str) -> None:
    service = our_services()[name]
    variables = {key: value for key, value in environment(service).items() if not key.startswith(FOREIGN_PREFIXES)}
    passed = tuple(f"{prefix}_".upper() for prefix in PASS_THROUGH)
    unknown = [key for key in variables if key.lower() not in Settings.model_fields and not key.startswith(passed)]
    assert unknown == []
    settings = load_settings(environment=environment(service)).settings
    assert settings.kafka_bootstrap_servers == "kafka:19092"
    assert settings.s3_bucket in " ".join(compose()["services"]["bucket"]["entrypoint"])


def test_compose_has_the_kafka_that_the_tests_run_on() -> None:
    assert compose()["services"]["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_compose_gives_chunks_their_time_to_finish() -> None:
    for name in ("consumer", "consumer-cpu"):
        grace = int(our_services()[name]["stop_grace_period"].removesuffix("s"))
        assert grace > Settings().shutdown_grace_seconds


def test_compose_builds_stages_of_the_dockerfile() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\w+)$", DOCKERFILE, re.MULTILINE))
    assert {service["build"]["target"] for service in our_services().values()} == stages


def test_the_dockerfile_copies_what_is_there_and_sent_along() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {name for line in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()}
    assert copied == sent
    assert all((ROOT / name).exists() for name in copied)


def test_the_wheel_carries_the_schemas() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert build["force-include"] == {"schemas": "consumer/events/schemas"}


def test_the_workflows_name_the_secrets_of_the_contract() -> None:
    secrets = set()
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        assert yaml.safe_load(path.read_text())["jobs"], os.fspath(path)
        secrets |= set(re.findall(r"secrets\.(\w+)", path.read_text()))
    assert secrets == {"DOCKERHUB_USERNAME", "DOCKERHUB_TOKEN", "HF_TOKEN"}
