"""The schema files: those in force, and every one that was ever released, by their fingerprints."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import fastavro
import fastavro.schema

from consumer.events.models import CancelJob, ChunkResult, Event, VideoJob, VideoResult

NAMES: dict[type[Event], str] = {
    VideoJob: "video-job",
    ChunkResult: "chunk-result",
    VideoResult: "video-result",
    CancelJob: "cancel-job",
}
FINGERPRINT_BYTES = 8
# What `parse` raises for a text that is no Avro schema.
PARSE_ERRORS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
    fastavro.schema.SchemaParseException,
    fastavro.schema.UnknownType,
)


@dataclass(frozen=True, slots=True)
class EventSchema:
    """One schema.

    Args:
        name: the record's full name, for example `video.events.VideoJob`.
        text: the schema as JSON on one line, as it is registered.
        parsed: fastavro's form of it.
        fingerprint: CRC-64-AVRO of its Parsing Canonical Form, little endian, as single-object encoding carries it.
    """

    name: str
    text: str
    parsed: Any
    fingerprint: bytes


def directory() -> Path:
    """Where the schema files lie: inside an installed package, or at the top of a checkout."""
    packaged = Path(__file__).parent / "schemas"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "schemas"


def parse(text: str) -> EventSchema:
    """One schema from its JSON text.

    Raises:
        One of PARSE_ERRORS: it is not an Avro schema.
    """
    schema = json.loads(text)
    parsed = fastavro.parse_schema(schema)
    # Its hexadecimal string has the bytes in the little endian order that the specification asks for.
    digest = fastavro.schema.fingerprint(fastavro.schema.to_parsing_canonical_form(schema), "CRC-64-AVRO")
    name = parsed.get("name", "") if isinstance(parsed, dict) else ""
    return EventSchema(name, json.dumps(schema, separators=(",", ":")), parsed, bytes.fromhex(digest))


@cache
def current(model: type[Event]) -> EventSchema:
    """The schema that events of this model are written with and read as."""
    return parse((directory() / f"{NAMES[model]}.avsc").read_text(encoding="utf-8"))


@cache
def known() -> dict[bytes, EventSchema]:
    """By fingerprint, what can be read without a registry: the schemas in force, and all that were ever released."""
    released = [parse(path.read_text(encoding="utf-8")) for path in sorted(directory().glob("released/*/*.avsc"))]
    return {schema.fingerprint: schema for schema in [*released, *map(current, NAMES)]}
