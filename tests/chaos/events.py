"""The events of the results topics, read with the schema files alone."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

import fastavro
from confluent_kafka import Message

SCHEMAS = Path(__file__).parents[2] / "schemas"
SINGLE_OBJECT = b"\xc3\x01"
HEADER_BYTES = 10

Kind = Literal["chunk", "final", "dead"]
SCHEMA_OF = {"chunk": "chunk-result", "final": "video-result"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A record that a committed reader was given; `event` is empty for dead letters, which are what the sender sent."""

    kind: Kind
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    event: dict[str, Any]

    @property
    def place(self) -> tuple[Kind, int, int]:
        return self.kind, self.partition, self.offset

    @property
    def event_id(self) -> bytes | None:
        return dict(self.headers).get("ce_id")

    @classmethod
    def of(cls, kind: Kind, message: Message) -> Seen:
        """What is in a message of the topic that holds this kind."""
        return cls(
            kind=kind,
            partition=cast(int, message.partition()),
            offset=cast(int, message.offset()),
            key=message.key(),
            value=message.value(),
            headers=tuple(cast(list[tuple[str, bytes | None]], message.headers() or [])),
            event={} if kind == "dead" else _decoded(SCHEMA_OF[kind], message.value() or b""),
        )


def _decoded(name: str, value: bytes) -> dict[str, Any]:
    if value[:2] != SINGLE_OBJECT:
        return cast(dict[str, Any], json.loads(value))
    return cast(dict[str, Any], fastavro.schemaless_reader(io.BytesIO(value[HEADER_BYTES:]), _schema(name), None))


@cache
def _schema(name: str) -> Any:
    return fastavro.parse_schema(json.loads((SCHEMAS / f"{name}.avsc").read_text(encoding="utf-8")))
