"""Code and schema files agree field by field: names, order, types, defaults."""

from __future__ import annotations

import json
import tomllib
import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic_core import PydanticUndefined

from consumer.errors import ErrorCode
from consumer.events import schemas
from consumer.events.models import Event, Milliseconds, VideoJob

ROOT = Path(__file__).parents[3]
MODELS = list(schemas.NAMES)
TIMESTAMP = {"type": "long", "logicalType": "timestamp-millis"}


def written(model: type[Event]) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "schemas" / f"{schemas.NAMES[model]}.avsc").read_text())
    return loaded


def problems(annotation: Any, schema: Any, named: dict[str, Any], where: str) -> list[str]:
    """Where an annotation and an Avro type differ."""
    if isinstance(schema, str) and schema in named:
        schema = named[schema]
    if annotation == Milliseconds:
        return [] if schema == TIMESTAMP else [f"{where}: {schema} is no timestamp-millis"]
    if get_origin(annotation) is Annotated:
        return problems(get_args(annotation)[0], schema, named, where)
    if get_origin(annotation) in (Union, types.UnionType):
        (inner,) = [part for part in get_args(annotation) if part is not type(None)]
        if not isinstance(schema, list) or len(schema) != 2 or "null" not in schema:
            return [f"{where}: {schema} is not nullable"]
        return problems(inner, next(branch for branch in schema if branch != "null"), named, where)
    if get_origin(annotation) is list:
        if not isinstance(schema, dict) or schema["type"] != "array":
            return [f"{where}: {schema} is no array"]
        return problems(get_args(annotation)[0], schema["items"], named, f"{where}[]")
    if get_origin(annotation) is dict:
        return [] if schema == {"type": "map", "values": "string"} else [f"{where}: {schema} is no map of strings"]
    if isinstance(annotation, type) and issubclass(annotation, Event):
        if not isinstance(schema, dict) or schema.get("type") != "record":
            return [f"{where}: {schema} is no record"]
        return record_problems(annotation, schema, named, where)
    plain = {bool: ["boolean"], int: ["int", "long"], float: ["double"], str: ["string"], ErrorCode: ["string"]}
    allowed = ["string"] if get_origin(annotation) is Literal else plain[annotation]
    return [] if schema in allowed else [f"{where}: {schema} is none of {allowed}"]


def record_problems(model: type[Event], record: dict[str, Any], named: dict[str, Any], where: str = "") -> list[str]:
    """Where a model and an Avro record differ."""
    named[record["name"]] = record
    found = [] if record["name"] == model.__name__ else [f"{where}: {record['name']} is not {model.__name__}"]
    if not record.get("doc"):
        found.append(f"{where}: {record['name']} has no doc")
    names = [field["name"] for field in record["fields"]]
    if names != list(model.model_fields):
        return [*found, f"{where}: {names} are not {list(model.model_fields)}"]
    annotations = get_type_hints(model, include_extras=True)
    for field, (name, info) in zip(record["fields"], model.model_fields.items(), strict=True):
        here = f"{where}.{name}"
        found += problems(annotations[name], field["type"], named, here)
        if not field.get("doc"):
            found.append(f"{here} has no doc")
        default = info.get_default(call_default_factory=True, validated_data={})
        if default is not PydanticUndefined and field.get("default", PydanticUndefined) != default:
            found.append(f"{here}: the default is {default!r} in the code, {field.get('default')!r} in the file")
        if default is PydanticUndefined and not info.is_required():
            found.append(f"{here}: no default in the code")
        if model is VideoJob and default is PydanticUndefined and "default" in field:
            found.append(f"{here}: required in the code, optional in the file")
        if isinstance(field["type"], list) and "default" not in field:
            found.append(f"{here}: may be null, so it needs a default")
    return found


@pytest.mark.parametrize("model", MODELS)
def test_the_code_follows_the_file(model: type[Event]) -> None:
    assert record_problems(model, written(model), {}) == []


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("temperature", {"default": 0.5}),
        ("seed", {"type": ["null", "string"]}),
        ("fps", {"type": "double"}),
        ("top_k", {"name": "topk"}),
        ("deadline", {"type": ["null", "long"]}),
        ("metadata", {"type": {"type": "map", "values": "long"}}),
        ("job_id", {"default": ""}),
        ("prompt", {"doc": ""}),
    ],
)
def test_a_difference_is_seen(where: str, change: dict[str, Any]) -> None:
    schema = written(VideoJob)
    next(field for field in schema["fields"] if field["name"] == where).update(change)
    (problem,) = record_problems(VideoJob, schema, {})
    assert where in problem


@pytest.mark.parametrize("model", MODELS)
def test_names_are_in_our_namespace(model: type[Event]) -> None:
    assert schemas.current(model).name == f"video.events.{model.__name__}"


def test_every_file_is_one_that_the_code_knows() -> None:
    expected = {f"{name}.avsc" for name in schemas.NAMES.values()}
    assert {path.name for path in (ROOT / "schemas").glob("*.avsc")} == expected
    for release in (ROOT / "schemas" / "released").iterdir():
        assert {path.name for path in release.iterdir()} <= expected


def test_an_installed_package_carries_the_files_where_the_code_looks() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    target = Path(schemas.__file__).parent.relative_to(ROOT) / "schemas"
    assert build["force-include"] == {"schemas": target.as_posix()}
    assert schemas.directory() == ROOT / "schemas", "a checkout has no second copy"
