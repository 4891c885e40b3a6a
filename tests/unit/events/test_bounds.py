"""Schemas that a small value could make expensive are refused; ours and ordinary ones are not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consumer.events.bounds import UnboundedSchemaError, require_bounded
from consumer.events.schemas import NAMES, current, parse


def record(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": one, "type": kind} for one, kind in fields.items()]}


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def doubling(depth: int) -> dict[str, Any]:
    """2 ** depth parts in depth records."""
    inner: Any = "null"
    for level in range(depth):
        inner = record(f"R{level}", a=inner, b=f"R{level - 1}" if level else "null")
    return dict(inner)


def check(schema: Any) -> None:
    require_bounded(parse(json.dumps(schema)).parsed)


@pytest.mark.parametrize("model", NAMES)
def test_ours_are_bounded(model: Any) -> None:
    require_bounded(current(model).parsed)


@pytest.mark.parametrize(
    "schema",
    [
        "string",
        record("A", a=["null", "int"], b=array("string"), c={"type": "map", "values": "null"}),
        record("A", a=array(record("B", a="null", b="int")), b="B", c=array("B")),
        array(["null", "string"]),
        array({"type": "fixed", "name": "F", "size": 1}),
        array({"type": "enum", "name": "E", "symbols": ["X"]}),
        record("A", a={"type": "long", "logicalType": "timestamp-millis"}),
        doubling(10),
    ],
)
def test_ordinary_schemas_are_accepted(schema: Any) -> None:
    check(schema)


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (record("Tree", left=["null", "Tree"]), "contains itself"),
        (record("Tree", children=array("Tree")), "contains itself"),
        (record("A", b=record("B", a={"type": "map", "values": "A"})), "contains itself"),
        (record("A", a=array("null")), "no bytes"),
        (array(record("Empty")), "no bytes"),
        (array(record("Nothing", a="null", b=record("Inner", c="null"))), "no bytes"),
        (array({"type": "fixed", "name": "F", "size": 0}), "no bytes"),
        (doubling(40), "parts"),
    ],
)
def test_the_others_are_refused(schema: Any, says: str) -> None:
    with pytest.raises(UnboundedSchemaError, match=says):
        check(schema)
