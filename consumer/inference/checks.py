"""Checks on what the model answered; pure.

An answer that ended with `length` is a result (marked truncated), no error, unless it is of no use for another reason.
"""

from __future__ import annotations

import json
from typing import Any

from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.inference.engine import Generation
from consumer.inference.repetition import repeated_tail

_LONGEST_REASON = 200


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


def check_schema(response_schema: str) -> None:
    """Whether the text is a JSON Schema that stands alone.

    Raises:
        PermanentError: EVENT_INVALID; the sentence says what is wrong with it.
    """
    _validator(response_schema)


def _checked_json(generation: Generation, response_schema: str) -> str:
    from jsonschema.exceptions import best_match
    from referencing.exceptions import Unresolvable

    validator = _validator(response_schema)
    try:
        value = json.loads(generation.text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        cut = "it was cut off at max_tokens" if generation.finish_reason == "length" else _line(str(error))
        raise _invalid(f"The answer is not JSON ({cut}).") from None
    try:
        problem = best_match(validator.iter_errors(value))
    except (Unresolvable, RecursionError) as error:
        raise _bad_schema(str(error)) from None
    if problem is not None:
        raise _invalid(f"The answer does not fit response_schema ({_line(f'{problem.json_path}: {problem.message}')}).")
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _validator(response_schema: str) -> Any:
    import jsonschema
    from referencing import Registry

    try:
        schema = json.loads(response_schema)
        if not isinstance(schema, dict | bool):
            raise _bad_schema("it is neither an object nor true or false")
        if isinstance(schema, dict) and not isinstance(schema.get("$schema", ""), str):
            raise _bad_schema("$schema is no string")
        kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        if isinstance(schema, dict):
            kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise _bad_schema(error.message) from None
    except (ValueError, RecursionError) as error:
        raise _bad_schema(str(error)) from None
    # An empty registry: without it a `$ref` to a URL would be fetched from wherever it points to.
    return kind(schema, registry=Registry())


def _bad_schema(reason: str) -> PermanentError:
    return PermanentError(ErrorCode.EVENT_INVALID, f"response_schema is not a usable JSON Schema ({_line(reason)}).")


def _invalid(message: str) -> TransientError:
    return TransientError(ErrorCode.OUTPUT_INVALID_JSON, message)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _line(text: str) -> str:
    """An error's text as part of one short sentence."""
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= _LONGEST_REASON else f"{line[: _LONGEST_REASON - 3]}..."
