"""Results as text for a person, and as JSON for a program."""

from __future__ import annotations

import json
import re
from typing import Any

from consumer import errors
from consumer.errors import ErrorCode
from consumer.events.models import ChunkResult, ErrorInfo, VideoResult

# Those that JSON lets stand; the others it escapes itself.
_CONTROLS = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def clock(seconds: float) -> str:
    """Source time as h:mm:ss, with tenths where there are any."""
    tenths = round(seconds * 10)
    hours, rest = divmod(tenths, 36_000)
    minutes, rest = divmod(rest, 600)
    fraction = f".{rest % 10}" if rest % 10 else ""
    return f"{hours}:{minutes:02}:{rest // 10:02}{fraction}"


def span(chunk: ChunkResult) -> str:
    return f"{clock(chunk.start_time)} - {clock(chunk.end_time)}"


def failure(error: ErrorInfo | None) -> str:
    """Why something failed and what can be done."""
    return "failed" if error is None else explained(error.code, error.message)


def explained(code: ErrorCode, message: str) -> str:
    """The code, what it means in this case, and what can be done."""
    return printable(errors.explained(code, message))


def chunk_text(chunk: ChunkResult) -> str:
    """A chunk's answer, or why there is none."""
    return printable((chunk.response or "").strip()) if chunk.success else failure(chunk.error)


def answer_text(result: VideoResult) -> str:
    """The answer for the whole video; empty where there is none."""
    return printable((result.aggregated_response or "").strip())


def summary(result: VideoResult) -> str:
    """How a job ended, in one line without its answer."""
    count = f"{result.total_successful_chunks} of {result.num_chunks} chunks"
    return f"{result.status}, {count}, {result.total_processing_time:.1f} s"


def one_line(text: str) -> str:
    """Any text on one line, with nothing in it that a terminal would obey."""
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """Text from outside without what a terminal would obey: each such character becomes a replacement character."""
    return _OBEYED.sub("�", text)


def as_json(value: Any) -> str:
    """JSON for people and programs, in UTF-8; what a terminal would obey is escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
