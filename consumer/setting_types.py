"""How the values of settings are read: blanks that mean none, lists with commas, texts for librdkafka."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr


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


def _as_address(value: str) -> str:
    """A whole one: with a path that is added to, and without a password that everybody would read.

    Raises:
        ValueError: it is none.
    """
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or value.split() != [value] or parts.port == 0:
        raise ValueError("it must be an address as http://host:port")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("an address may have no user, query or fragment here")
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
OptionalText = Annotated[str | None, BeforeValidator(blank_is_none)]
OptionalAddress = Annotated[Annotated[str, AfterValidator(_as_address)] | None, BeforeValidator(blank_is_none)]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(blank_is_none)]
OptionalCount = Annotated[int | None, BeforeValidator(blank_is_none)]
Texts = Annotated[dict[str, str], BeforeValidator(_as_texts)]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
