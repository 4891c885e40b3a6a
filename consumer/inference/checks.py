"""Checks on what the model answered; pure.

An answer that ended with `length` is a result (marked truncated), no error, unless it is of no use for another reason.
"""

from __future__ import annotations

import json
from typing import Any

from consumer.errors import ErrorCode, TransientError
from consumer.events.response_schema import bad_schema, schema_validator, short_line
from consumer.inference.engine import Generation
from consumer.inference.repetition import ROUND_LINES, going_round, repeated_tail


def check_output(generation: Generation, response_schema: str | None) -> str | None:
    """Whether an answer can be published; with `response_schema` (JSON Schema as text) its parsed JSON, as text.

    Raises:
        TransientError: OUTPUT_EMPTY, OUTPUT_REPETITIVE, OUTPUT_INVALID_JSON.
        PermanentError: EVENT_INVALID, response_schema is not a JSON Schema.
    """
    check_text(generation.text)
    if response_schema is None:
        return None
    return _checked_json(generation, response_schema)


def check_text(text: str) -> None:
    """Raises TransientError OUTPUT_EMPTY or OUTPUT_REPETITIVE where a text says nothing (any more)."""
    if not text.strip():
        raise TransientError(ErrorCode.OUTPUT_EMPTY, "The model answered with nothing.")
    loop = repeated_tail(text)
    if loop is not None:
        raise TransientError(
            ErrorCode.OUTPUT_REPETITIVE,
            f"The answer ends with the same {len(loop.unit)} characters {loop.times} times: raise presence_penalty.",
        )
    different = going_round(text)
    if different is not None:
        raise TransientError(
            ErrorCode.OUTPUT_REPETITIVE,
            f"Of the answer's last {ROUND_LINES} lines only {different} are different: raise presence_penalty.",
        )


def check_schema(response_schema: str) -> None:
    """Whether the text is a JSON Schema that stands alone.

    Raises:
        PermanentError: EVENT_INVALID; the sentence says what is wrong with it.
    """
    schema_validator(response_schema)


def _checked_json(generation: Generation, response_schema: str) -> str:
    from jsonschema.exceptions import best_match
    from referencing.exceptions import Unresolvable

    validator = schema_validator(response_schema)
    try:
        value = json.loads(generation.text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        cut = "it was cut off at max_tokens" if generation.finish_reason == "length" else short_line(str(error))
        raise _invalid(f"The answer is not JSON ({cut}).") from None
    try:
        problem = best_match(validator.iter_errors(value))
    except (Unresolvable, RecursionError) as error:
        raise bad_schema(str(error)) from None
    if problem is not None:
        raise _invalid(
            f"The answer does not fit response_schema ({short_line(f'{problem.json_path}: {problem.message}')})."
        )
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _invalid(message: str) -> TransientError:
    return TransientError(ErrorCode.OUTPUT_INVALID_JSON, message)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
