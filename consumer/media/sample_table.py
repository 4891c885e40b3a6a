"""What an MP4 says of each sample of a track, and the same said of one stretch of it (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from consumer.media.boxes import StructureError
from consumer.media.table_boxes import read_runs, read_table, write_run_table, write_sizes, write_table

MOST_SAMPLES = 6_000_000
"""A day at 60 frames a second; about 8 bytes each are kept."""

LARGEST_STEP = 2**31 - 1
"""Ticks from one sample to the next; FFmpeg takes much larger ones for negative."""

MOST_STARTS = 2**16
CHECKPOINT_SAMPLES = 4096

_LARGEST_SAMPLE = 2**30 - 1
_LARGEST_PLACE = 2**62

Integers = NDArray[np.int64]
Compact: TypeAlias = "NDArray[np.unsignedinteger[Any]]"
"""In as few bytes as the largest value takes."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some samples of a track, in decoding order.

    Args:
        numbers: of the samples, increasing, from 0 on.
        place: in `numbers`; from there on there is none between two that is left out.
        dts: of each, ticks.
        tables: what an MP4 says of them, as boxes.
    """

    numbers: Integers
    place: int
    dts: Integers
    tables: bytes


@dataclass(frozen=True, slots=True)
class SampleTable:
    """The samples of a track, in decoding order. Times count from the first one's decoding time, in ticks.

    Args:
        steps: from each one's decoding time to the next one's; the last one's is how long it lasts.
        offsets: how much later than decoded each is shown; None: the file does not say.
        sizes: bytes.
        keys: numbers of the key frames, increasing; None: the file says nothing, and all are.
        starts: numbers of some key frames, at which a stretch may begin.
        start_dts, start_shown: when each of these is decoded and shown.
        checkpoints: numbers of samples, from 0 on; what comes after one follows it in the file, up to the next one.
        places: where each of these is in the file, bytes.
    """

    steps: Compact
    offsets: Compact | None
    sizes: Compact
    keys: Integers | None
    starts: Integers
    start_dts: Integers
    start_shown: Integers
    checkpoints: Integers
    places: Integers

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def span(self) -> int:
        """From the first to the last one's decoding time."""
        return int(self.steps[:-1].sum(dtype=np.int64))

    @classmethod
    def parsed(cls, tables: Mapping[bytes, bytes]) -> SampleTable:
        """Read the bodies of the boxes stts, ctts, stss, stsc, stsz, and stco or co64, by their names.

        Raises:
            StructureError: they do not fit together, or say something unusual.
        """
        sizes = _sizes(tables)
        count = len(sizes)
        steps, offsets = read_runs(tables, b"stts", count), None
        if b"ctts" in tables:
            # FFmpeg shifts all times by the least of negative ones, which may be one that is left out.
            offsets = _compact(read_runs(tables, b"ctts", count), LARGEST_STEP, "an offset that may be negative")
        keys = _keys(tables, count)
        starts = np.arange(count) if keys is None else keys
        starts = starts[:: -(-len(starts) // MOST_STARTS)]
        dts = (np.cumsum(steps) - steps)[starts]
        checkpoints, places = _places(tables, sizes)
        return cls(
            steps=_compact(steps, LARGEST_STEP, "a step that may be negative"),
            offsets=offsets,
            sizes=_compact(sizes, _LARGEST_SAMPLE, "a sample too large"),
            keys=keys,
            starts=starts,
            start_dts=dts,
            start_shown=dts if offsets is None else dts + offsets[starts],
            checkpoints=checkpoints,
            places=places,
        )

    def stretch(self, begin: int, end: int, first: int) -> Stretch:
        """The samples that are needed to decode what is shown in a stretch of time.

        They go from a key frame that is shown at `begin` or before to one that is decoded after `end`, and thus past
        all that is shown until then; or from the beginning, or to the end. Before them stand the first samples of the
        track, and where these are very far away some between. Times, sizes and places stay what they are.

        Args:
            first: how many of the first samples there are in any case.

        Raises:
            StructureError: there is no key frame among them, or they are too far apart.
        """
        before = np.flatnonzero(self.start_shown <= begin)
        start = int(before[-1]) if len(before) else None
        after = int(np.searchsorted(self.start_dts, end, "right"))
        stop = int(self.starts[after]) + 1 if after < len(self.starts) else len(self)
        if start is None or self.starts[start] <= first:
            numbers, place, dts = np.arange(stop), 0, self._times(0, stop)
        else:
            between = self._between(int(self._times(0, first)[-1]), start)
            window = np.arange(self.starts[start], stop)
            numbers = np.concatenate([np.arange(first), self.starts[between], window])
            place = first + len(between)
            times = self.start_dts[start] + self._times(int(window[0]), stop)
            dts = np.concatenate([self._times(0, first), self.start_dts[between], times])
        return Stretch(numbers, place, dts, self._tables(numbers, place, dts))

    def _times(self, first: int, last: int) -> Integers:
        """Decoding times of some samples, from the first of them on."""
        steps = self.steps[first:last].astype(np.int64)
        times: Integers = np.cumsum(steps) - steps
        return times

    def _between(self, last: int, start: int) -> list[int]:
        """Which of the starts to put between a time and that start, so that no step becomes too large."""
        found: list[int] = []
        while self.start_dts[start] - last > LARGEST_STEP:
            found.append(int(np.searchsorted(self.start_dts, last + LARGEST_STEP, "right")) - 1)
            if self.start_dts[found[-1]] <= last:
                raise StructureError("samples too far apart")
            last = int(self.start_dts[found[-1]])
        return found

    def _tables(self, numbers: Integers, place: int, dts: Integers) -> bytes:
        places = np.concatenate(
            [*(self._places(number, number + 1) for number in numbers[:place].tolist()), self._window(numbers, place)]
        )
        boxes = [write_run_table(b"stts", np.append(np.diff(dts), int(self.steps[numbers[-1]])))]
        if self.offsets is not None:
            boxes.append(write_run_table(b"ctts", self.offsets[numbers].astype(np.int64)))
        if self.keys is not None:
            (keys,) = np.nonzero(np.isin(numbers, self.keys))
            if len(keys) == 0:
                raise StructureError("no key frame")
            boxes.append(write_table(b"stss", keys[:, None] + 1))
        sizes = self.sizes[numbers].astype(np.int64)
        boxes.append(write_sizes(sizes))
        # What follows one another in the file is a chunk.
        firsts = np.flatnonzero(np.append(True, places[1:] != places[:-1] + sizes[:-1]))
        counts = np.diff(firsts, append=len(numbers))
        changes = np.flatnonzero(np.diff(counts, prepend=0))
        boxes.append(write_table(b"stsc", np.stack([changes + 1, counts[changes], np.ones_like(changes)], axis=1)))
        wide = int(places.max()) >= 2**32
        boxes.append(write_table(b"co64" if wide else b"stco", places[firsts, None], ">u8" if wide else ">u4"))
        return b"".join(boxes)

    def _window(self, numbers: Integers, place: int) -> Integers:
        return self._places(int(numbers[place]), int(numbers[-1]) + 1)

    def _places(self, first: int, last: int) -> Integers:
        """Where some samples that follow one another are in the file."""
        known = int(np.searchsorted(self.checkpoints, first, "right")) - 1
        base = int(self.checkpoints[known])
        sizes = self.sizes[base:last].astype(np.int64)
        begins = np.cumsum(sizes) - sizes
        points = np.searchsorted(self.checkpoints, np.arange(base, last), "right") - 1
        places: Integers = self.places[points] + begins - begins[self.checkpoints[points] - base]
        return places[first - base :]


def _compact(values: Integers, largest: int, what: str) -> Compact:
    most = int(values.max())
    if most > largest:
        raise StructureError(what)
    compact: Compact = values.astype(np.min_scalar_type(most))
    return compact


def _sizes(tables: Mapping[bytes, bytes]) -> Integers:
    body = tables.get(b"stsz", b"")
    size, count = int.from_bytes(body[4:8], "big"), int.from_bytes(body[8:12], "big")
    if not 0 < count <= MOST_SAMPLES or len(body) != 12 + (0 if size else count * 4):
        raise StructureError(f"{count} samples in {len(body)} bytes")
    return np.full(count, size, np.int64) if size else np.frombuffer(body, ">u4", offset=12).astype(np.int64)


def _keys(tables: Mapping[bytes, bytes], count: int) -> Integers | None:
    if b"stss" not in tables:
        return None
    numbers = read_table(tables, b"stss", 1)[:, 0]
    if numbers[0] < 1 or numbers[-1] > count or np.any(np.diff(numbers) <= 0):
        raise StructureError("key frames in disorder")
    return numbers - 1


def _places(tables: Mapping[bytes, bytes], sizes: Integers) -> tuple[Integers, Integers]:
    """Checkpoints and their places."""
    wide = b"co64" in tables
    if wide and b"stco" in tables:
        raise StructureError("two tables of places")
    chunks = read_table(tables, b"co64" if wide else b"stco", 1, ">u8" if wide else ">u4")[:, 0]
    rows = read_table(tables, b"stsc", 3)
    firsts = np.append(rows[:, 0], len(chunks) + 1)
    if firsts[0] != 1 or np.any(np.diff(firsts) <= 0) or np.any(rows[:, 2] != 1):
        raise StructureError("chunks in disorder, or of several kinds")
    counts = np.repeat(rows[:, 1], np.diff(firsts))
    if counts.sum() != len(sizes) or np.any(counts == 0) or not 0 <= chunks.min() <= chunks.max() <= _LARGEST_PLACE:
        raise StructureError("chunks without samples, or too far away")
    begins = np.cumsum(sizes) - sizes
    places = begins + np.repeat(chunks - begins[np.cumsum(counts) - counts], counts)
    apart = np.flatnonzero(places[1:] != places[:-1] + sizes[:-1]) + 1
    checkpoints = np.union1d(apart, np.arange(0, len(sizes), CHECKPOINT_SAMPLES))
    return checkpoints, places[checkpoints]
