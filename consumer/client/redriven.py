"""Which dead letters of a partition were sent again: a committed offset and its metadata (pure).

The offset is that of the first dead letter that was not, so that the group's lag says how many may be left. Those
behind it that were are a compressed bitmap in the metadata, of which a broker keeps 4096 characters at most.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

MAX_CHARACTERS = 4000
# What a bitmap of ours can come to: it is compressed into less than MAX_CHARACTERS, and may be unpacked by anyone.
MAX_BITMAP_BYTES = 1 << 20
_VERSION = "1"


class TooScatteredError(ValueError):
    """The set does not fit into the metadata."""


@dataclass(frozen=True, slots=True)
class Redriven:
    """A set of offsets: all below `first`, and some above.

    Args:
        later: none of them below `first`.
    """

    first: int = 0
    later: frozenset[int] = frozenset()

    def __contains__(self, offset: int) -> bool:
        return offset < self.first or offset in self.later

    def with_more(self, offsets: Iterable[int], first: int) -> Redriven:
        """The set with more in it; `first` is the lowest offset that is not, every other below it is."""
        return Redriven(first, frozenset(offset for offset in (*self.later, *offsets) if offset >= first))


def encode(redriven: Redriven) -> str:
    """The metadata, ASCII.

    It says which offset it was committed with: tools that reset a group may keep the string.

    Raises:
        TooScatteredError: it would be longer than a broker keeps.
    """
    bits = bytearray()
    for offset in redriven.later:
        byte, bit = divmod(offset - redriven.first, 8)
        if byte >= MAX_BITMAP_BYTES:
            raise TooScatteredError
        bits.extend(bytes(byte + 1 - len(bits)) if byte >= len(bits) else b"")
        bits[byte] |= 1 << bit
    packed = base64.b64encode(zlib.compress(bytes(bits), 9)).decode() if bits else ""
    text = f"{_VERSION}:{redriven.first}:{packed}"
    if len(text) > MAX_CHARACTERS:
        raise TooScatteredError
    return text


def decode(offset: int, text: str | None) -> Redriven:
    """What was committed; metadata that is not ours, or belongs to another offset, counts as none."""
    version, _, rest = (text or "").rstrip("\0").partition(":")
    first, _, packed = rest.partition(":")
    if (version, first) != (_VERSION, str(offset)) or not packed:
        return Redriven(offset)
    try:
        unpacking = zlib.decompressobj()
        bits = unpacking.decompress(base64.b64decode(packed, validate=True), MAX_BITMAP_BYTES)
    except (binascii.Error, zlib.error, ValueError):
        return Redriven(offset)
    later = (8 * byte + bit for byte, value in enumerate(bits) for bit in range(8) if value >> bit & 1)
    return Redriven(offset, frozenset(offset + one for one in later))
