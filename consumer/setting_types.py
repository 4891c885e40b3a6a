"""How the values of settings are read: blanks that mean none, lists with commas, texts for librdkafka."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr


def _listed(value: object) -> object:
    """`A,B` from the environment is the list [A, B]."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def blank_is_none(value: object) -> object:
    """An empty variable says that there is none."""
    return None if value == "" else value


def _as_texts(value: object) -> object:
    """YAML's numbers and booleans, as librdkafka reads them."""
    if not isinstance(value, Mapping):
        return value
    return {key: str(item).lower() if isinstance(item, bool) else str(item) for key, item in value.items()}


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
OptionalText = Annotated[str | None, BeforeValidator(blank_is_none)]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(blank_is_none)]
OptionalCount = Annotated[int | None, BeforeValidator(blank_is_none)]
Texts = Annotated[dict[str, str], BeforeValidator(_as_texts)]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
