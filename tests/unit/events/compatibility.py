"""Avro's rules of schema resolution, asked of two schemas instead of at reading time."""

from __future__ import annotations

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType


def unreadable(reader: str, writer: str) -> list[str]:
    """Why a reader with the one schema cannot read everything that is written with the other; empty: it can."""
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    result = checker.get_compatibility(avro.schema.parse(reader), avro.schema.parse(writer))
    if result.compatibility is SchemaCompatibilityType.compatible:
        return []
    return sorted(result.messages)
