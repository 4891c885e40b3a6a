"""What stands around the code: each name that it uses exists, and the documents agree with each other."""

from __future__ import annotations

import re
import stat
import tomllib
from pathlib import Path

import click

from consumer.cli.main import COMMANDS, cli

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
README = (ROOT / "README.md").read_text()
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def test_the_contract_s_targets_are_there() -> None:
    assert {"install", "demo", "test", "lint", "chaos", "bench", "services", "services-stop", "docs"} < TARGETS


def test_make_alone_lists_all_targets() -> None:
    assert set(re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.MULTILINE)) == TARGETS


def test_all_targets_are_phony() -> None:
    phony = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert set(" ".join(phony).split()) == TARGETS


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


def test_ci_runs_the_readme_s_second_command() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & stat.S_IXUSR
    assert script.read_text().splitlines()[-1] == "exec make test </dev/null"
    assert "\nmake test " in README


def test_the_dockerfile_copies_what_is_there_and_sent_along() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    }
    assert copied - {"--chmod=755"} == sent
    assert all((ROOT / name).exists() for name in sent)


def test_the_image_s_stages_run_targets_that_exist() -> None:
    run = set(re.findall(r"^RUN make ([a-z-]+)", DOCKERFILE, re.MULTILINE))
    assert run == {"wheel", "libraries"} <= TARGETS


def test_what_the_images_have_in_common_stands_in_each() -> None:
    """Not root, signals handed on, asked whether they live, told apart by labels."""
    stages = dict(re.findall(r"^FROM \S+ AS ([\w-]+)\n([\s\S]*?)(?=^FROM|\Z)", DOCKERFILE, re.MULTILINE))
    for name in ("client", "cpu", "gpu"):
        stage = stages[name]
        assert re.findall(r"^USER (.*)$", stage, re.MULTILINE)[-1] == "1000"
        assert re.search(r'^ENTRYPOINT \["tini", "--", ', stage, re.MULTILINE)
        assert f"COPY --from={name}-libraries /opt/venv /opt/venv\n" in stage
        assert "HEALTHCHECK" in stage
        assert 'image.version="${VERSION}"' in stage and 'image.revision="${REVISION}"' in stage
    assert 'ARG BAKED_MODEL=""\n' in stages["gpu"], "no weights unless somebody asks for them"
    assert not re.search(r"^(ARG|ENV) .*TOKEN", DOCKERFILE, re.MULTILINE), "a secret is mounted, or stays in the image"


def test_the_wheel_carries_the_schemas() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert build["force-include"] == {"schemas": "consumer/events/schemas"}
