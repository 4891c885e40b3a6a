"""Job ids: UUIDs of version 7 (RFC 9562), which sort by time and tell a reader from where on to look."""

from __future__ import annotations

import os
import time
import uuid

_VERSION_7 = 7


def uuid7(milliseconds: int, random: bytes) -> uuid.UUID:
    """The UUID of an instant (ms since the epoch) and ten random bytes, of which 74 bits are used.

    Source: RFC 9562, section 5.7. The standard library makes them from Python 3.14 on.
    """
    value = (milliseconds & (2**48 - 1)) << 80 | int.from_bytes(random[:10])
    value = value & ~(0xF << 76) | _VERSION_7 << 76
    value = value & ~(0b11 << 62) | 0b10 << 62
    return uuid.UUID(int=value)


def new_job_id() -> str:
    """A fresh job id."""
    return str(uuid7(time.time_ns() // 1_000_000, os.urandom(10)))


def made_at(job_id: str) -> int | None:
    """When the id was made, in ms since the epoch, or None where the id does not say."""
    try:
        value = uuid.UUID(job_id)
    except ValueError:
        return None
    return value.int >> 80 if value.version == _VERSION_7 else None
