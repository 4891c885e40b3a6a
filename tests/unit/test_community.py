"""Citation, changelog and issue forms are what those who read them take."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from consumer import __version__

ROOT = Path(__file__).parents[2]


def test_the_versions_agree() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    newest = re.search(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert citation["version"] == newest[1] == __version__
    assert citation["license"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"]


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem
)
def test_issue_forms_are_what_github_takes(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    if path.stem == "config":
        assert set(form) == {"blank_issues_enabled", "contact_links"}
        return
    assert {"name", "description", "body"} <= set(form) <= {"name", "description", "labels", "body"}
    ids = [item["id"] for item in form["body"] if item["type"] != "markdown"]
    assert ids
    assert len(set(ids)) == len(ids)
    for item in form["body"]:
        assert item["type"] in ("markdown", "textarea", "input")
        assert item["attributes"]["value" if item["type"] == "markdown" else "label"]
