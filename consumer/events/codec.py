"""Events to bytes and back, in the three wire formats; which one a value is in, its first bytes say.

* `00`, then the id of a schema in a Schema Registry (4 bytes, big endian): Avro in Confluent's wire format;
* `C3 01`, then the schema's fingerprint (8 bytes, little endian): Avro in its single-object encoding;
* `{`: JSON.

Avro values are read with the schema that they were written with, and resolved to ours by Avro's rules: fields that we
do not know are dropped, fields that are missing take our defaults.
"""

from __future__ import annotations

import io
import json
import struct
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self, TypeVar

import fastavro
from fastavro.read import SchemaResolutionError
from pydantic import ValidationError

from consumer.errors import ConfigurationError, PermanentError
from consumer.events.models import Event
from consumer.events.problems import EventError, invalid, undecodable
from consumer.events.schemas import FINGERPRINT_BYTES, EventSchema, current, known
from consumer.settings import Settings

if TYPE_CHECKING:
    from consumer.events.registry import Registry

__all__ = ["EventCodec", "EventError", "Format"]

Format = Literal["avro-registry", "avro", "json"]
AnyEvent = TypeVar("AnyEvent", bound=Event)

REGISTRY_MARK = b"\x00"
SINGLE_OBJECT_MARK = b"\xc3\x01"
JSON_MARK = b"{"
CONTENT_TYPES: dict[Format, str] = {
    "avro-registry": "application/vnd.confluent.avro",
    "avro": "application/avro",
    "json": "application/json",
}
# What fastavro raises for bytes that are not of the schema.
BROKEN_BODY = (EOFError, LookupError, ValueError, ArithmeticError, TypeError, struct.error)


class EventCodec:
    """Reads all three formats and writes one of them. Not for several threads at once.

    Args:
        write: the format that is written.
        registry: needed for `avro-registry`, written or read.
    """

    def __init__(self, write: Format, registry: Registry | None = None) -> None:
        if write == "avro-registry" and registry is None:
            raise ConfigurationError(
                "EVENT_FORMAT is avro-registry, but SCHEMA_REGISTRY_URL is empty; set one of them."
            )
        self._write, self._registry = write, registry

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The codec of a process; asks nothing of the registry yet.

        Raises:
            ConfigurationError: EVENT_FORMAT asks for a registry and there is none, or its address is none.
        """
        if settings.schema_registry_url is None:
            return cls(settings.event_format)
        # Imported here: commands without a registry start without its HTTP client.
        from consumer.events.registry import Registry

        registry = Registry(settings.schema_registry_url, register=settings.schema_registry_auto_register)
        return cls(settings.event_format, registry)

    @property
    def content_type(self) -> str:
        """What stands in the header `content-type` of what is written."""
        return CONTENT_TYPES[self._write]

    def encode(self, event: Event, topic: str) -> bytes:
        """An event as the value of a record of `topic`.

        Raises:
            TransientError: the registry does not answer.
            PermanentError: the registry refuses the schema, or does not have it.
        """
        if self._write == "json":
            return event.model_dump_json().encode()
        schema = current(type(event))
        if self._registry is not None and self._write == "avro-registry":
            prefix = REGISTRY_MARK + struct.pack(">I", self._registry.schema_id(topic, schema))
        else:
            prefix = SINGLE_OBJECT_MARK + schema.fingerprint
        body = io.BytesIO()
        fastavro.schemaless_writer(body, schema.parsed, event.model_dump(), strict=True)
        return prefix + body.getvalue()

    def decode(self, model: type[AnyEvent], value: bytes | None) -> AnyEvent:
        """The event that a record's value holds.

        Raises:
            EventError: it holds none (EVENT_UNDECODABLE), or one that breaks the model's rules (EVENT_INVALID).
            TransientError: the schema must be asked of the registry, which does not answer.
        """
        fields = self.fields(model, value)
        try:
            return model.model_validate(fields)
        except ValidationError as error:
            raise invalid(model, fields, error) from None

    def fields(self, model: type[Event], value: bytes | None) -> dict[str, Any]:
        """The fields of the event that a value holds, before the model's rules are looked at; raises as `decode`."""
        if value is not None and value.startswith(JSON_MARK):
            return _json_fields(value)
        schema, start = self.writer(value)
        return _avro_fields(model, value or b"", start, schema)

    def writer(self, value: bytes | None) -> tuple[EventSchema, int]:
        """The schema that an Avro value was written with, and where its body begins; raises as `decode`."""
        if not value:
            raise undecodable("The record's value is empty.")
        if value.startswith(SINGLE_OBJECT_MARK):
            start = len(SINGLE_OBJECT_MARK) + FINGERPRINT_BYTES
            return _by_fingerprint(value[len(SINGLE_OBJECT_MARK) : start]), start
        if value.startswith(REGISTRY_MARK):
            return self._by_id(value[1:5]), 5
        raise undecodable(
            f"The record's value begins with the bytes {value[:4].hex(' ')}, which no event does: send Avro in "
            "Confluent's wire format (00 and a schema id) or in single-object encoding (c3 01), or a JSON object."
        )

    def _by_id(self, encoded: bytes) -> EventSchema:
        if len(encoded) < 4:
            raise undecodable("The record's value ends in the schema id.")
        if self._registry is None:
            raise undecodable("The record's value names the id of a schema, but SCHEMA_REGISTRY_URL is not set.")
        try:
            return self._registry.schema(struct.unpack(">I", encoded)[0])
        except PermanentError as error:
            raise undecodable(error.message) from None


def _by_fingerprint(fingerprint: bytes) -> EventSchema:
    if len(fingerprint) < FINGERPRINT_BYTES:
        raise undecodable("The record's value ends in the schema's fingerprint.")
    schema = known().get(fingerprint)
    if schema is None:
        raise undecodable(
            f"The schema with the fingerprint {fingerprint.hex()} is none of those in schemas/ or schemas/released/."
        )
    return schema


def _json_fields(value: bytes) -> dict[str, Any]:
    try:
        # Decoded here, because json would take UTF-16 and UTF-32 as well.
        fields: dict[str, Any] = json.loads(value.decode("utf-8"), parse_constant=_no_number)
    except RecursionError:
        raise undecodable("The record's value is JSON that is nested too deeply.") from None
    except ValueError as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError) else "it is not UTF-8, or has an endless number"
        raise undecodable(f"The record's value begins as JSON, but cannot be parsed: {reason}.") from None
    return fields


def _no_number(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is no JSON number", name, 0)


def _avro_fields(model: type[Event], value: bytes, start: int, writer: EventSchema) -> dict[str, Any]:
    reader, body = current(model), io.BytesIO(value)
    body.seek(start)
    try:
        fields = fastavro.schemaless_reader(body, writer.parsed, reader.parsed)
    except SchemaResolutionError:
        written = writer.name or "no record"
        raise undecodable(
            f"The value's schema ({written}) cannot be resolved to {reader.name} by Avro's rules."
        ) from None
    except BROKEN_BODY:
        raise undecodable(f"The value's body is broken: it is no {writer.name}, or cut off.") from None
    if trailing := len(value) - body.tell():
        raise undecodable(f"The value has {trailing} bytes behind the end of its {writer.name}.")
    if not isinstance(fields, dict):
        raise undecodable(f"The value's schema is that of no record, expected {reader.name}.")
    return fields
