"""What is said of a value that is no event, or of an event that is not valid."""

from __future__ import annotations

import difflib
import re
from typing import Any

from pydantic import ValidationError

from consumer.errors import ErrorCode, PermanentError
from consumer.events.models import JOB_ID_PATTERN, Event

_LONGEST_NAME = 80


class EventError(PermanentError):
    """A value that cannot be used as an event.

    Args:
        code: EVENT_UNDECODABLE or EVENT_INVALID.
        message: one sentence, which names the field if there is one to name.
        job_id: the job that it speaks of, where that could be read.
    """

    def __init__(self, code: ErrorCode, message: str, job_id: str | None = None) -> None:
        super().__init__(code, message)
        self.job_id = job_id


def undecodable(reason: str) -> EventError:
    """The value is in none of the wire formats, or broken."""
    return EventError(ErrorCode.EVENT_UNDECODABLE, reason)


def invalid(model: type[Event], fields: dict[str, Any], error: ValidationError) -> EventError:
    """The value was decoded to these fields, which are no event."""
    return EventError(ErrorCode.EVENT_INVALID, _sentence(model, error), _job_id(fields))


def key_job_id(key: bytes | None) -> str | None:
    """The job that a record's key names, which is all that tells it where the value cannot be read."""
    return _possible((key or b"").decode(errors="replace"))


def _job_id(fields: dict[str, Any]) -> str | None:
    return _possible(fields.get("job_id"))


def _possible(found: object) -> str | None:
    return found if isinstance(found, str) and re.fullmatch(JOB_ID_PATTERN, found) else None


def _sentence(model: type[Event], error: ValidationError) -> str:
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    # A misspelt field is unknown and, by its right name, missing: the first says more.
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    name = _shown(".".join(str(part) for part in first["loc"]))
    message = " ".join(first["msg"].removeprefix("Value error, ").rstrip(".").split())
    message = message[:1].lower() + message[1:]
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, model.model_fields, 1)
        hint = f": did you mean {near[0]}?" if near else "."
        return f"The event has the field {name}, which a {model.__name__} does not{hint}"
    if first["type"] == "missing":
        return f"The field {name} is missing."
    return f"The field {name} is wrong: {message}." if name else f"The event is wrong: {message}."


def _shown(name: str) -> str:
    """A name from the value, fit for one line of ASCII."""
    escaped = name.encode("unicode_escape").decode("ascii")
    return escaped if len(escaped) <= _LONGEST_NAME else escaped[:_LONGEST_NAME] + "..."
