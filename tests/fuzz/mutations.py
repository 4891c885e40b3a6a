"""What happens to files: on bad disks, in broken transfers, and on purpose (pure; the same for the same draw)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.fuzz.corpus import Sample
from tests.fuzz.lies import lie
from tests.fuzz.specials import SPECIALS

Mutation = Callable[[bytes, random.Random], bytes]

_UNTOUCHED_EVERY = 40


def mutated(samples: Sequence[Sample], seed: int, number: int) -> Sample:
    """File `number` of the run with this seed: the specials first, then mutations of good files, a few untouched."""
    draw = random.Random(f"{seed}/{number}")
    if number < len(SPECIALS):
        special = SPECIALS[number]
        name, _, ending = special.__name__.rpartition("_")
        return Sample(f"{name}.{ending}", special({one.name: one.data for one in samples}))
    base = draw.choice(samples)
    if number % _UNTOUCHED_EVERY == 0:
        return base
    if draw.random() < 0.1:
        return Sample(f"spliced-{base.name}", _spliced(base.data, draw.choice(samples).data, draw))
    data, done = base.data, []
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        mutation = draw.choice(_MUTATIONS)
        data = mutation(data, draw)
        done.append(mutation.__name__.strip("_"))
    return Sample(f"{'-'.join(done)}-{base.name}", data)


def _truncated(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def _beheaded(data: bytes, draw: random.Random) -> bytes:
    return data[draw.randrange(1, 2000) :]


def _flipped(data: bytes, draw: random.Random) -> bytes:
    """Bits turned over; half of the time near the beginning, where the structure is."""
    changed = bytearray(data)
    reach = min(len(data), 2000) if draw.random() < 0.5 else len(data)
    for _ in range(draw.choice((1, 3, 30, 300)) if reach else 0):
        changed[draw.randrange(reach)] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _zeroed(data: bytes, draw: random.Random) -> bytes:
    begin, end = _block(data, draw)
    return data[:begin] + bytes(end - begin) + data[end:]


def _scrambled(data: bytes, draw: random.Random) -> bytes:
    begin, end = _block(data, draw)
    return data[:begin] + draw.randbytes(end - begin) + data[end:]


def _lost(data: bytes, draw: random.Random) -> bytes:
    begin, end = _block(data, draw)
    return data[:begin] + data[end:]


def _doubled(data: bytes, draw: random.Random) -> bytes:
    begin, end = _block(data, draw)
    times = draw.choice((1, 1, 5, 50))
    return data[:end] + data[begin:end] * times + data[end:]


def _swapped(data: bytes, draw: random.Random) -> bytes:
    (a, b), (c, d) = sorted((_block(data, draw), _block(data, draw)))
    if b > c:
        return data[:a] + data[b:] + data[a:b]
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _lying(data: bytes, draw: random.Random) -> bytes:
    for _ in range(draw.choice((1, 1, 2, 4, 8))):
        data = lie(data, draw)
    return data


def _spliced(data: bytes, other: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data) + 1)] + other[draw.randrange(len(other) + 1) :]


def _block(data: bytes, draw: random.Random) -> tuple[int, int]:
    """Begin and end of some bytes of it, from a few to a quarter."""
    begin = draw.randrange(len(data) + 1)
    return begin, min(len(data), begin + draw.choice((4, 16, 188, 1024, max(1, len(data) // 4))))


_MUTATIONS: tuple[Mutation, ...] = (
    *(_truncated, _truncated, _beheaded, _flipped, _flipped, _zeroed, _scrambled, _lost, _doubled, _swapped),
    # The structure is where the harm is.
    *(_lying, _lying, _lying, _lying),
)
