"""What a consumer receives."""

from __future__ import annotations

from confluent_kafka import KafkaError

from tests.model.log import Entry, Place


class ModelMessage:
    """A record, or the end of a partition."""

    def __init__(self, place: Place, offset: int, entry: Entry | None) -> None:
        self._place, self._offset, self._entry = place, offset, entry

    def error(self) -> KafkaError | None:
        return None if self._entry else KafkaError(KafkaError._PARTITION_EOF)

    def topic(self) -> str:
        return self._place[0]

    def partition(self) -> int:
        return self._place[1]

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes | None:
        return self._entry.key if self._entry else None

    def value(self) -> bytes | None:
        return self._entry.value if self._entry else None

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return self._entry.headers if self._entry else None

    def timestamp(self) -> tuple[int, int]:
        return 1, self._entry.timestamp if self._entry else -1
