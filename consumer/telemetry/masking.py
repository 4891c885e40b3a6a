"""Takes secrets out of what is logged: user parts and query strings of addresses, values under telling names.

A presigned address is a key to the object behind it, and libraries quote addresses in their own messages, so masking is
done on the finished record and not left to whoever logs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_ADDRESS = re.compile(
    r"(?P<scheme>(?<![a-z0-9+.-])[a-z0-9+.-]+://)(?P<user>[^/?#\s@'\"<>]*@)?(?P<rest>[^?#\s'\"<>]*)(?P<query>\?[^#\s'\"<>]*)?",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(
    r"(^|[_.-])(password|passwd|secret|secret[_.-]?key|access[_.-]?key|api[_.-]?key|token|authorization|cookie"
    r"|signature|credentials?)$",
    re.IGNORECASE,
)
_SECRET_PAIR = re.compile(
    r"(?P<name>[\w.-]*(?:password|passwd|secret(?:[_.-]?key)?|access[_.-]?key|api[_.-]?key|signature"
    r"|x-amz-credential|security-token|hf_token))(?P<between>['\"]?\s*[=:]\s*['\"]?)(?P<value>[^\s&,;'\"]+)",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"\b(?P<kind>Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{8,}")


def masked_text(text: str) -> str:
    """The text with every user part, query string and named secret in it replaced."""
    text = _ADDRESS.sub(_address, text)
    text = _SECRET_PAIR.sub(rf"\g<name>\g<between>{MASK}", text)
    return _SCHEME.sub(rf"\g<kind> {MASK}", text)


def masked(value: Any, name: str = "") -> Any:
    """The value fit for a log: `name` is the key it stands under; containers are copied, objects become their repr."""
    if value is None or isinstance(value, bool | int | float):
        # Numbers are no secrets: `first_token=0.2` is a duration.
        return value
    if isinstance(value, Mapping):
        return {str(key): masked(item, str(key)) for key, item in value.items()}
    if _SECRET_NAME.search(name):
        return MASK
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(item, name) for item in value]
    return masked_text(repr(value))


def _address(match: re.Match[str]) -> str:
    user = f"{MASK}@" if match["user"] else ""
    query = f"?{MASK}" if match["query"] else ""
    return f"{match['scheme']}{user}{match['rest']}{query}"
