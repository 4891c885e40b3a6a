"""Which foreign schemas values may be read with: those whose values cost no more than their bytes.

A value's arrays and maps claim how many items follow. Where every item takes at least one byte, a false claim ends with
the bytes; items of no bytes could be claimed by the billion. A schema that contains itself nests as deep as the value
says, which the decoder's stack does not survive. And a few lines of schema can stand for a record of a billion parts.
"""

from __future__ import annotations

from typing import Any

MOST_PARTS = 10_000


class UnboundedSchemaError(ValueError):
    """A few bytes of a value of this schema could stand for any amount of work; `str()` says why."""


def require_bounded(schema: Any) -> None:
    """Accept or refuse a schema in fastavro's parsed form.

    Raises:
        UnboundedSchemaError: a type contains itself, items of an array take no bytes, or there are too many parts.
    """
    _measure(schema, {})


def _measure(schema: Any, named: dict[str, tuple[int, bool] | None]) -> tuple[int, bool]:
    """How many parts the type has, written out, and whether its values take at least one byte.

    `named` holds what was measured before; None for the types that are being measured right now.
    """
    if isinstance(schema, list):
        branches = [_measure(branch, named) for branch in schema]
        return _sum(branches), True
    if isinstance(schema, str):
        if schema not in named:
            return 1, schema != "null"
        measured = named[schema]
        if measured is None:
            raise UnboundedSchemaError(f"the type {schema} contains itself")
        return measured
    kind = schema["type"]
    if kind == "record" or kind == "error":
        named[schema["name"]] = None
        fields = [_measure(field["type"], named) for field in schema["fields"]]
        named[schema["name"]] = measured = _sum(fields), any(takes for _, takes in fields)
        return measured
    if kind == "array":
        parts, takes_bytes = _measure(schema["items"], named)
        if not takes_bytes:
            raise UnboundedSchemaError("the items of an array take no bytes")
        return _sum([(parts, True)]), True
    if kind == "map":
        return _sum([_measure(schema["values"], named)]), True
    if kind in ("enum", "fixed"):
        named[schema["name"]] = measured = 1, kind == "enum" or schema["size"] > 0
        return measured
    return _measure(kind, named)


def _sum(parts: list[tuple[int, bool]]) -> int:
    total = 1 + sum(count for count, _ in parts)
    if total > MOST_PARTS:
        raise UnboundedSchemaError(f"it has more than {MOST_PARTS} parts")
    return total
