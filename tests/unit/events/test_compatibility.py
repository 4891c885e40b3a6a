"""A new version reads what the last release wrote, and the last release reads what the new version writes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from consumer.events.schemas import NAMES
from tests.unit.events.compatibility import unreadable

SCHEMAS = Path(__file__).parents[3] / "schemas"
# What was ever released, for good: values with these schemas lie in topics.
RELEASED = {
    "0.1.0/cancel-job.avsc": "094dc83173d21388",
    "0.1.0/chunk-result.avsc": "e206c0cfd5d09812",
    "0.1.0/video-job.avsc": "e3d6aafcdfddf7b3",
    "0.1.0/video-result.avsc": "da6774ea0c45a2a4",
}
Field = dict[str, Any]


def version(directory: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in directory.name.split("."))


def newest(name: str) -> str:
    """The last released form of a schema."""
    releases = sorted((SCHEMAS / "released").iterdir(), key=version, reverse=True)
    return next((one / f"{name}.avsc").read_text() for one in releases if (one / f"{name}.avsc").exists())


@pytest.mark.parametrize("name", NAMES.values())
def test_what_the_last_release_wrote_can_be_read(name: str) -> None:
    assert unreadable(reader=(SCHEMAS / f"{name}.avsc").read_text(), writer=newest(name)) == []


@pytest.mark.parametrize("name", NAMES.values())
def test_the_last_release_can_read_what_is_written(name: str) -> None:
    assert unreadable(reader=newest(name), writer=(SCHEMAS / f"{name}.avsc").read_text()) == []


def test_released_files_are_as_they_were_released() -> None:
    files = sorted((SCHEMAS / "released").glob("*/*.avsc"))
    assert {
        f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in files
    } == RELEASED


def changed(name: str, change: Callable[[list[Field]], object]) -> str:
    schema = json.loads(newest(name))
    change(schema["fields"])
    return json.dumps(schema)


def field(fields: list[Field], name: str) -> Field:
    return next(one for one in fields if one["name"] == name)


def without_default(fields: list[Field]) -> None:
    fields.append({"name": "added", "type": "string"})


def with_default(fields: list[Field]) -> None:
    fields.append({"name": "added", "type": "string", "default": ""})


def renamed(fields: list[Field]) -> None:
    field(fields, "run_id")["name"] = "run"


def removed(fields: list[Field]) -> None:
    fields.remove(field(fields, "finish_reason"))


def removed_required(fields: list[Field]) -> None:
    fields.remove(field(fields, "run_id"))


def retyped(fields: list[Field]) -> None:
    field(fields, "num_chunks")["type"] = "string"


def widened(fields: list[Field]) -> None:
    field(fields, "num_chunks")["type"] = "long"


def nullable(fields: list[Field]) -> None:
    field(fields, "run_id")["type"] = ["null", "string"]


def nested(fields: list[Field]) -> None:
    field(fields, "provenance")["type"]["fields"].append({"name": "added", "type": "int"})


@pytest.mark.parametrize(
    ("change", "new_reads_old", "old_reads_new"),
    [
        (with_default, True, True),
        (removed, True, True),
        (without_default, False, True),
        (renamed, False, False),
        (removed_required, True, False),
        (retyped, False, False),
        (widened, True, False),
        (nullable, True, False),
        (nested, False, True),
    ],
)
def test_the_check_tells_what_may_be_changed(
    change: Callable[[list[Field]], object], new_reads_old: bool, old_reads_new: bool
) -> None:
    old, new = newest("chunk-result"), changed("chunk-result", change)
    assert (unreadable(reader=new, writer=old) == []) is new_reads_old
    assert (unreadable(reader=old, writer=new) == []) is old_reads_new
