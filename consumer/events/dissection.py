"""What can be read of a value, valid event or not: for people who look into why it is none."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import fastavro
from pydantic import ValidationError

from consumer.errors import CodedError
from consumer.events.codec import BROKEN_BODY, JSON_MARK, REGISTRY_MARK, SINGLE_OBJECT_MARK, EventCodec
from consumer.events.models import Event
from consumer.events.problems import invalid

DUMPED_BYTES = 256


@dataclass(frozen=True, slots=True)
class Dissection:
    """A value, as far as it can be read.

    Args:
        form: what it is, or begins as.
        problem: why it is no valid event, as one sentence; None if it is one.
        fields: those that could be read, in their order; None where there are none.
        text: the value as text where it is some and has no fields, else the beginning as a hexadecimal dump.
    """

    form: str
    problem: str | None
    fields: dict[str, Any] | None
    text: str | None


def dissect(codec: EventCodec, model: type[Event], value: bytes | None) -> Dissection:
    """Read a value as far as possible."""
    form = _form(value)
    try:
        fields = codec.fields(model, value)
    except CodedError as error:
        found = _first_fields(codec, value)
        return Dissection(form, error.message, found, None if found else _text(value or b""))
    try:
        event = model.model_validate(fields)
    except ValidationError as error:
        return Dissection(form, invalid(model, fields, error).message, fields, None)
    # Only what was given, and our defaults of nothing else: what stands there is to be seen.
    return Dissection(form, None, event.model_dump(mode="json", exclude_unset=True), None)


def _form(value: bytes | None) -> str:
    if value is None:
        return "no value"
    if value.startswith(JSON_MARK):
        return "JSON"
    if value.startswith(SINGLE_OBJECT_MARK):
        return "Avro in single-object encoding"
    if value.startswith(REGISTRY_MARK):
        return "Avro in Confluent's wire format"
    return "in no format that is known"


def _first_fields(codec: EventCodec, value: bytes | None) -> dict[str, Any] | None:
    """The fields of an Avro value up to the one that cannot be read."""
    try:
        schema, start = codec.writer(value)
    except CodedError:
        return None
    body, fields = io.BytesIO((value or b"")[start:]), {}
    for field in schema.parsed.get("fields", []) if isinstance(schema.parsed, dict) else []:
        try:
            fields[str(field["name"])] = fastavro.schemaless_reader(body, field["type"], None)
        except (*BROKEN_BODY, fastavro.schema.SchemaParseException, fastavro.schema.UnknownType):
            break
    return fields or None


def _text(value: bytes) -> str:
    try:
        text = value.decode()
        if text.isprintable() or all(one.isprintable() or one.isspace() for one in text):
            return text
    except UnicodeDecodeError:
        pass
    return _dump(value)


def _dump(value: bytes) -> str:
    lines = []
    for at in range(0, min(len(value), DUMPED_BYTES), 16):
        row = value[at : at + 16]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        lines.append(f"{at:04x}  {row.hex(' '):<47}  {shown}")
    if len(value) > DUMPED_BYTES:
        lines.append(f"... and {len(value) - DUMPED_BYTES:,} bytes more")
    return "\n".join(lines)
