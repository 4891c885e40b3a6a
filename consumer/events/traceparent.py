"""The header `traceparent` of a job's record, by W3C Trace Context (level 1): which trace the job belongs to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

TRACEPARENT = "traceparent"

# Version 00 ends with the flags; a later one may add to it, and what is known is read all the same.
_FORM = re.compile(
    rb"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})(?P<span>[0-9a-f]{16})"
    rb"-(?P<flags>[0-9a-f]{2})(?P<more>-[!-~]{1,200})?"
)


@dataclass(frozen=True, slots=True)
class TraceParent:
    """Whose child the work on a job is.

    Args:
        value: as received.
        trace_id, span_id: 32 and 16 hexadecimal digits.
        sampled: whether whoever sent the job records its part of the trace.
    """

    value: bytes
    trace_id: str
    span_id: str
    sampled: bool


def parse(value: bytes | None) -> TraceParent | None:
    """None: there is none, or what is there is none and must not be handed on."""
    found = _FORM.fullmatch(value or b"")
    if found is None or (found["more"] and found["version"] == b"00"):
        return None
    sampled = bool(int(found["flags"], 16) & 1)
    return TraceParent(found[0], found["trace"].decode(), found["span"].decode(), sampled)


def trace_parent(headers: Sequence[tuple[str, bytes | None]]) -> TraceParent | None:
    """That of a record with these headers; of several the last counts, as everywhere."""
    return parse(next((value for name, value in reversed(headers) if name == TRACEPARENT), None))
