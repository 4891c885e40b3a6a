"""An MP4's tables as a list with one row a sample, read and written in the plainest way there is."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """Times in ticks, size in bytes, place in the file."""

    dts: int
    offset: int
    size: int
    place: int
    key: bool


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), name) + body


def bodies(boxes: bytes) -> dict[bytes, bytes]:
    """Boxes that stand one after the other."""
    found = {}
    while boxes:
        size, name = struct.unpack_from(">I4s", boxes)
        found[name], boxes = boxes[8:size], boxes[size:]
    return found


def read_samples(tables: dict[bytes, bytes]) -> tuple[list[Sample], int]:
    """One row a sample, and how long the last one lasts."""
    numbers = {name: struct.unpack_from(f">{len(body) // 4}I", body) for name, body in tables.items()}
    size, count = numbers[b"stsz"][1:3]
    sizes = [size] * count if size else list(numbers[b"stsz"][3:])
    steps = _runs(numbers[b"stts"])
    offsets = _runs(numbers[b"ctts"]) if b"ctts" in numbers else [0] * count
    keys = set(numbers[b"stss"][2:]) if b"stss" in numbers else set(range(1, count + 1))
    kind, places = ("I", tables[b"stco"]) if b"stco" in tables else ("Q", tables[b"co64"])
    chunks = struct.unpack_from(f">{(len(places) - 8) // (4 if kind == 'I' else 8)}{kind}", places, 8)
    kinds = numbers[b"stsc"]
    rows = [kinds[place : place + 3] for place in range(2, len(kinds), 3)]
    samples: list[Sample] = []
    dts = 0
    for number, chunk in enumerate(chunks, 1):
        place = chunk
        each = [row[1] for row in rows if row[0] <= number][-1]
        for _ in range(each):
            k = len(samples)
            samples.append(Sample(dts, offsets[k], sizes[k], place, k + 1 in keys))
            place, dts = place + sizes[k], dts + steps[k]
    assert len(samples) == len(sizes) == len(steps) == len(offsets) == count
    return samples, steps[-1]


def written(samples: Sequence[Sample], last_step: int, chunks: Sequence[int], *, keys: bool = True) -> bytes:
    """The tables as boxes.

    Args:
        chunks: how many samples are in each chunk; those in one follow one another in the file.
        keys: whether there is a table of key frames.
    """
    times = [sample.dts for sample in samples]
    steps = [after - before for before, after in itertools.pairwise(times)] + [last_step]
    firsts = [0, *itertools.accumulate(chunks)][:-1]
    wide = any(sample.place >= 2**32 for sample in samples)
    tables = {
        b"stts": _table([(1, step) for step in steps]),
        b"ctts": _table([(1, sample.offset) for sample in samples]),
        b"stss": _table([(number,) for number, sample in enumerate(samples, 1) if sample.key]),
        b"stsc": _table([(number, count, 1) for number, count in enumerate(chunks, 1)]),
        b"stsz": struct.pack(">3I", 0, 0, len(samples)) + b"".join(struct.pack(">I", one.size) for one in samples),
        b"co64" if wide else b"stco": _table([(samples[first].place,) for first in firsts], "Q" if wide else "I"),
    }
    if not keys:
        del tables[b"stss"]
    return b"".join(box(name, body) for name, body in tables.items())


def _table(rows: Sequence[tuple[int, ...]], kind: str = "I") -> bytes:
    return struct.pack(">2I", 0, len(rows)) + b"".join(struct.pack(f">{len(row)}{kind}", *row) for row in rows)


def _runs(table: tuple[int, ...]) -> list[int]:
    return [value for k in range(table[1]) for value in [table[3 + 2 * k]] * table[2 + 2 * k]]
