"""Tables of numbers as they stand in an MP4's boxes (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.media.boxes import StructureError, written

Integers = NDArray[np.int64]


def read_table(tables: Mapping[bytes, bytes], name: bytes, columns: int, kind: str = ">u4") -> Integers:
    """The rows of a table, of which there is at least one; numbers beyond 63 bits become negative.

    Args:
        tables: bodies of boxes by their names.

    Raises:
        StructureError: there is no such table, or it does not have the rows that it says.
    """
    body = tables.get(name)
    if body is None:
        raise StructureError(f"no {name!r}")
    count, width = int.from_bytes(body[4:8], "big"), np.dtype(kind).itemsize * columns
    if count == 0 or len(body) != 8 + count * width:
        raise StructureError(f"{name!r} with {count} rows in {len(body)} bytes")
    return np.frombuffer(body, kind, offset=8).reshape(count, columns).astype(np.int64)


def read_runs(tables: Mapping[bytes, bytes], name: bytes, count: int) -> Integers:
    """One number a sample, from a table that says how often and what.

    Raises:
        StructureError: as `read_table`; or there are not `count` of them.
    """
    runs = read_table(tables, name, 2)
    if runs[:, 0].sum() != count:
        raise StructureError(f"{name!r} is not for {count} samples")
    return np.repeat(runs[:, 1], runs[:, 0])


def write_table(name: bytes, rows: Integers, kind: str = ">u4") -> bytes:
    """A box with these rows."""
    return written(name, bytes(4) + len(rows).to_bytes(4, "big") + rows.astype(kind).tobytes())


def write_run_table(name: bytes, values: Integers) -> bytes:
    """A box that says how often and what."""
    begins = np.flatnonzero(np.diff(values, prepend=values[0] - 1))
    return write_table(name, np.stack([np.diff(begins, append=len(values)), values[begins]], axis=1))


def write_sizes(sizes: NDArray[Any]) -> bytes:
    """A box with a size for each sample."""
    return written(b"stsz", bytes(8) + len(sizes).to_bytes(4, "big") + sizes.astype(">u4").tobytes())
