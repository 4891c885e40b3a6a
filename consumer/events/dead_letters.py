"""Dead letters as they stand in their topic: what the headers say of the failure, and those of a record sent again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumer.errors import CODES, ErrorCode
from consumer.events.headers import DEAD_LETTER_PREFIX, Header

REDRIVEN_PREFIX = "__dlq.redriven."
REDRIVEN_FROM = f"{REDRIVEN_PREFIX}from"
"""Where the dead letter stands of which this record of the jobs topic was made: `/topic/partition/offset`."""
REDRIVEN_TIMES = f"{REDRIVEN_PREFIX}times"
"""How often the record has been sent again, this time included."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record of the dead-letter topic, as received.

    Args:
        timestamp: the record's, milliseconds since the epoch.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]

    @property
    def place(self) -> str:
        """Its name on the command line: `partition/offset`."""
        return f"{self.partition}/{self.offset}"

    @property
    def source(self) -> str:
        """Where it stands, as the header REDRIVEN_FROM says it."""
        return f"/{self.topic}/{self.partition}/{self.offset}"

    def error(self, name: str) -> str | None:
        """What stands in the last header `__dlq.errors.<name>`: a record that failed twice has those of both times."""
        return _last(self.headers, DEAD_LETTER_PREFIX + name)

    @property
    def code(self) -> ErrorCode | None:
        """Why it failed; None where the headers are not ours, or of a version that knows more codes."""
        try:
            return ErrorCode(self.error("code") or "")
        except ValueError:
            return None

    @property
    def attempt(self) -> int:
        """Starts of the job; 0 where it never became one, or where the headers do not say."""
        return _number(self.error("attempt"))

    @property
    def times_redriven(self) -> int:
        """How often the record had been sent again before it failed this time."""
        return _number(_last(self.headers, REDRIVEN_TIMES))

    @property
    def sentence(self) -> str:
        """Why, and what to do."""
        message = (self.error("message") or "").rstrip(".")
        info = CODES[self.code] if self.code is not None else None
        if info is None:
            return f"{message or 'The headers do not say why'}."
        return f"{message or info.sentence.rstrip('.')}. {info.remedy}"


def redrive_headers(letter: DeadLetter) -> list[Header]:
    """The headers of the record that is sent again: the received ones, and where it comes from.

    The errors stay behind, in the dead letter that the new header names.
    """
    kept = [header for header in letter.headers if not header[0].startswith((DEAD_LETTER_PREFIX, REDRIVEN_PREFIX))]
    return [
        *kept,
        (REDRIVEN_FROM, letter.source.encode()),
        (REDRIVEN_TIMES, str(letter.times_redriven + 1).encode()),
    ]


def redriven_offset(headers: Sequence[Header], topic: str, partition: int) -> int | None:
    """The offset of the dead letter in this partition that a record of the jobs topic was made of, if it was."""
    start = f"/{topic}/{partition}/"
    source = _last(headers, REDRIVEN_FROM) or ""
    rest = source.removeprefix(start)
    return int(rest) if source.startswith(start) and rest.isascii() and rest.isdigit() else None


def _last(headers: Sequence[Header], name: str) -> str | None:
    values = [value for header, value in headers if header == name and value is not None]
    return values[-1].decode(errors="replace") if values else None


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else 0
