"""`response_schema`: whether a text is a JSON Schema that answers can be held to."""

from __future__ import annotations

import json
from typing import Any

from consumer.errors import ErrorCode, PermanentError

_LONGEST_REASON = 200


def schema_validator(response_schema: str) -> Any:
    """The validator (of the package jsonschema) of a JSON Schema that stands alone.

    Raises:
        PermanentError: EVENT_INVALID; the sentence says what is wrong with the schema.
    """
    import jsonschema
    from referencing import Registry

    try:
        schema = json.loads(response_schema)
        if not isinstance(schema, dict | bool):
            raise bad_schema("it is neither an object nor true or false")
        if isinstance(schema, dict) and not isinstance(schema.get("$schema", ""), str):
            raise bad_schema("$schema is no string")
        kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        if isinstance(schema, dict):
            kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise bad_schema(error.message) from None
    except (ValueError, RecursionError) as error:
        raise bad_schema(str(error)) from None
    # An empty registry: without it a `$ref` to a URL would be fetched from wherever it points to.
    return kind(schema, registry=Registry())


def bad_schema(reason: str) -> PermanentError:
    return PermanentError(
        ErrorCode.EVENT_INVALID, f"response_schema is not a usable JSON Schema ({short_line(reason)})."
    )


def short_line(text: str) -> str:
    """An error's text as part of one short sentence."""
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= _LONGEST_REASON else f"{line[: _LONGEST_REASON - 3]}..."
