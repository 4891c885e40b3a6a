"""The settings as rows of a table, without their secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from consumer.settings import LoadedSettings

MASK = "********"
_SECRET_KEY = re.compile(r"password|secret|token(?!s$|_|izer)|jaas|credential|private|\.pem|key\.pem", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """One setting: its name as in the environment, its value fit for JSON, and where it came from."""

    name: str
    value: Any
    origin: str

    @property
    def text(self) -> str:
        """The value as the environment would hold it."""
        if self.value is None:
            return ""
        if isinstance(self.value, bool):
            return str(self.value).lower()
        if isinstance(self.value, list):
            return ",".join(self.value)
        if isinstance(self.value, dict):
            return " ".join(f"{key}={value}" for key, value in self.value.items())
        return str(self.value)


def rows(loaded: LoadedSettings) -> list[Row]:
    """All settings in their order."""
    return [
        Row(name.upper(), masked(getattr(loaded.settings, name)), loaded.origins[name])
        for name in type(loaded.settings).model_fields
    ]


def masked(value: Any) -> Any:
    """The value with passwords, tokens and user parts of addresses replaced."""
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, dict):
        return {key: MASK if _SECRET_KEY.search(str(key)) else masked(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [masked(item) for item in value]
    if isinstance(value, str) and "://" in value and "@" in value:
        parts = urlsplit(value)
        return parts._replace(netloc=f"{MASK}@{parts.netloc.rpartition('@')[2]}").geturl()
    return value
