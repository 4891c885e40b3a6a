"""The bytes on the wire, held as they are: in each format, for one event of each kind.

They are checked by other eyes as well: a CRC-64-AVRO after the specification's text, and Avro's own Python library.
A difference here means that values which lie in topics are read otherwise than they were written.
"""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any, cast

import avro.io
import avro.schema
import pytest

from consumer.events.codec import EventCodec, Format
from consumer.events.models import Event
from consumer.events.registry import Registry
from consumer.events.schemas import EventSchema, current
from tests.unit.events.examples import EXAMPLES

GOLDEN: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "golden.json").read_text())
SCHEMA_ID = 0x0102
CASES = [(name, write) for name in EXAMPLES for write in ("avro", "avro-registry", "json")]
EMPTY = 0xC15D213AA4D7A795


class OneSchema:
    """A registry that gives every schema the same id."""

    def __init__(self, model: type[Event]) -> None:
        self._schema = current(model)

    def schema_id(self, topic: str, schema: EventSchema) -> int:
        return SCHEMA_ID

    def schema(self, schema_id: int) -> EventSchema:
        assert schema_id == SCHEMA_ID
        return self._schema


def golden(name: str, write: str) -> bytes:
    if write == "json":
        return json.dumps(GOLDEN[name]["json"], ensure_ascii=False, separators=(",", ":")).encode()
    mark = "c301" + GOLDEN[name]["fingerprint"] if write == "avro" else "0000000102"
    return bytes.fromhex(mark + GOLDEN[name]["body"])


@pytest.mark.parametrize(("name", "write"), CASES)
def test_an_event_is_written_as_these_bytes(name: str, write: Format) -> None:
    event = EXAMPLES[name]
    codec = EventCodec(write, cast(Registry, OneSchema(type(event))))
    assert codec.encode(event, "t").hex(" ") == golden(name, write).hex(" ")


@pytest.mark.parametrize(("name", "write"), CASES)
def test_these_bytes_are_read_as_the_event(name: str, write: Format) -> None:
    event = EXAMPLES[name]
    assert EventCodec("json", cast(Registry, OneSchema(type(event)))).decode(type(event), golden(name, write)) == event


def crc_64_avro(data: bytes) -> int:
    """Bit by bit, after the definition in Avro's specification."""
    fingerprint = EMPTY
    for byte in data:
        fingerprint ^= byte
        for _ in range(8):
            fingerprint = (fingerprint >> 1) ^ (EMPTY if fingerprint & 1 else 0)
    return fingerprint


def canonical(schema: Any, namespace: str = "video.events") -> str:
    """Avro's Parsing Canonical Form, for the kinds of schema that occur here."""
    if isinstance(schema, str):
        primitive = schema in ("null", "boolean", "int", "long", "double", "string")
        return json.dumps(schema if primitive else f"{namespace}.{schema}")
    if isinstance(schema, list):
        return "[" + ",".join(map(canonical, schema)) + "]"
    if schema["type"] == "record":
        fields = ",".join(f'{{"name":"{one["name"]}","type":{canonical(one["type"])}}}' for one in schema["fields"])
        return f'{{"name":"{namespace}.{schema["name"]}","type":"record","fields":[{fields}]}}'
    for kind, items in (("array", "items"), ("map", "values")):
        if schema["type"] == kind:
            return f'{{"type":"{kind}","{items}":{canonical(schema[items])}}}'
    return canonical(schema["type"])


def test_the_checksum_is_that_of_the_specification() -> None:
    assert crc_64_avro(b'"int"') == 0x7275D51A3F395C8F
    assert crc_64_avro(b'"null"') == 0x63DD24E7CC258F8A


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_fingerprint_is_little_endian(name: str) -> None:
    schema = json.loads(current(type(EXAMPLES[name])).text)
    expected = struct.pack("<Q", crc_64_avro(canonical(schema).encode()))
    assert GOLDEN[name]["fingerprint"] == expected.hex()


@pytest.mark.parametrize("name", EXAMPLES)
def test_avros_own_library_reads_the_body(name: str) -> None:
    event = EXAMPLES[name]
    reader = avro.io.DatumReader(avro.schema.parse(current(type(event)).text))
    body = io.BytesIO(bytes.fromhex(GOLDEN[name]["body"]))
    fields = reader.read(avro.io.BinaryDecoder(body))
    assert body.read() == b""
    assert type(event).model_validate(fields) == event
