"""GitHub's workflows and releases: they call the project's own targets, and nothing that others may change."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.release import command, notes

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
WORKFLOWS: dict[str, dict[str, Any]] = {
    path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yml"))
}
STEPS = [
    (f"{name} {job}", step)
    for name, workflow in WORKFLOWS.items()
    for job, one in workflow["jobs"].items()
    for step in one.get("steps", ())
]
MAKE_ROOM = "sudo rm -rf /usr/share/dotnet /usr/local/lib/android /opt/ghc"


def test_tests_lint_image_and_release_are_there() -> None:
    called = {word for _, step in STEPS for word in re.findall(r"make ([a-z-]+)", step.get("run", ""))}
    assert called == {"lint", "test", "image-push", "release"}
    assert set(WORKFLOWS) == {"ci.yml", "image.yml", "release.yml"}


@pytest.mark.parametrize(("place", "step"), STEPS)
def test_a_step_is_a_target_or_an_action_that_nobody_can_change(place: str, step: dict[str, Any]) -> None:
    if "uses" in step:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])
        return
    found = re.fullmatch(r"make ([a-z-]+)", step["run"])
    assert step["run"] == MAKE_ROOM or (found and found[1] in TARGETS)


def test_an_action_s_version_stands_beside_its_commit() -> None:
    lines = [line for name in WORKFLOWS for line in (FOLDER / name).read_text().splitlines() if "uses:" in line]
    pinned = [line for line in lines if "@" in line]
    assert all(re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in pinned)
    assert [line.split()[-1] for line in lines if line not in pinned] == ["./.github/workflows/image.yml"]


def test_a_token_may_read_unless_the_job_publishes() -> None:
    for name, workflow in WORKFLOWS.items():
        assert workflow["permissions"] == {"contents": "read"}
        writing = [job for job, one in workflow["jobs"].items() if "write" in str(one.get("permissions"))]
        assert writing == (["release"] if name == "release.yml" else [])


def test_only_the_secrets_that_are_documented_are_asked_for() -> None:
    text = "".join((FOLDER / name).read_text(encoding="utf-8") for name in WORKFLOWS)
    assert set(re.findall(r"secrets\.(\w+)", text)) == {"DOCKERHUB_USERNAME", "DOCKERHUB_TOKEN", "HF_TOKEN"}


def test_what_a_person_typed_is_no_part_of_a_command() -> None:
    assert all("${{" not in step.get("run", "") for _, step in STEPS)


def test_the_version_of_the_project_has_notes() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert "\n## " not in notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)


def test_notes_are_a_version_s_own_part() -> None:
    text = "# Changes\n\n## 1.2.0\n\n* New.\n\n## 1.1.0 (a day)\n\n* Old.\n### More\n\n## 1.0.0\n\n"
    assert notes(text, "1.2.0") == "* New."
    assert notes(text, "1.1.0") == "* Old.\n### More"
    for missing in ("1.0.0", "1", "2.0.0"):
        with pytest.raises(ValueError, match=rf"says nothing of {missing};"):
            notes(text, missing)


def test_a_tag_of_another_version_or_another_wheel_is_refused() -> None:
    wheel = "dist/video_consumer-1.2.0-py3-none-any.whl"
    assert command("1.2.0", [wheel], "v1.2.0")[:5] == ["gh", "release", "create", "v1.2.0", wheel]
    with pytest.raises(ValueError, match=r"The tag v1\.3\.0 is not v1\.2\.0"):
        command("1.2.0", [wheel], "v1.3.0")
    for wheels in ([], [wheel, wheel], ["dist/video_consumer-1.1.0-py3-none-any.whl"]):
        with pytest.raises(ValueError, match="dist/ must hold"):
            command("1.2.0", wheels, "v1.2.0")
