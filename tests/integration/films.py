"""Small files of the demo's world, each with a script that says what is to be seen when, in the ways files differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain, repeat
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.video.frame import PictureType
from av.video.stream import VideoStream

from consumer.demo.render import Frame, shown
from consumer.demo.world import Script, write_script

SECONDS = 22
CLOCK = 60
"""Ticks a second of the files' clocks."""

X264 = {"preset": "ultrafast", "crf": "20"}
HOUR_START = 3590
"""Where the scenes of the long film begin, s: its chunks reach across the hour."""

Picture = tuple[int, Frame]
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Film:
    """A file to be made.

    Args:
        start: source time of the script's beginning, s.
        make: writes the file.
        fields: of a job about it, besides its address.
    """

    script: Script
    suffix: str
    make: Callable[[Path], None]
    start: float = 0.0
    fields: dict[str, Any] = field(default_factory=dict)


def write(
    path: Path,
    pictures: Iterable[Picture],
    *,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    rotation: int = 0,
    keys: Callable[[int], bool] = lambda _: False,
) -> None:
    """Encode and mux pictures, each with its time in ticks.

    Args:
        rotation: degrees, counterclockwise, by which a player is told to turn what it shows.
        keys: whether the picture at that time must be a key frame.
    """
    with av.open(str(path), "w") as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=CLOCK))
        stream.pix_fmt, stream.options = "yuv420p", dict(X264 if options is None else options)
        stream.codec_context.time_base = Fraction(1, CLOCK)
        stream.codec_context.gop_size = 2 * CLOCK
        if rotation:
            stream.set_display_rotation(rotation)
        last: Frame | None = None
        for ticks, picture in pictures:
            if last is None:
                stream.height, stream.width = picture.shape[:2]
            if picture is not last:
                # An hour of the same picture is converted once.
                made = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                frame, last = made.reformat(format="yuv420p"), picture
            frame.pts, frame.time_base = ticks, Fraction(1, CLOCK)
            if keys(ticks):
                frame.pict_type = PictureType.I
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def filmed(script: Script, ticks: Iterable[int], start: int = 0) -> Iterator[Picture]:
    """The script's pictures at these ticks of the file, in which it begins at `start` ticks."""
    at = list(ticks)
    return zip(at, shown(script, ((one - start) / CLOCK for one in at)), strict=True)


def every(fps: int, seconds: int = SECONDS) -> range:
    """The ticks of an even rate."""
    return range(0, seconds * CLOCK, CLOCK // fps)


def mixed(script: Script, other: Script, ticks: Iterable[int], mine: Callable[[int], bool]) -> Iterator[Picture]:
    """The script's pictures at the ticks that are `mine`, the other's at all others of these."""
    at = list(ticks)
    pairs = zip(filmed(script, at), filmed(other, at), strict=True)
    return (one if mine(one[0]) else another for one, another in pairs)


def asked_for(ticks: int) -> bool:
    """Whether it is one of the two pictures a second that jobs ask for."""
    return ticks % (CLOCK // 2) == 0


def plain(script: Script, suffix: str = "mp4", fps: int = 10, **how: Any) -> Film:
    """At an even rate; `how` as `write` takes it."""
    return Film(script, suffix, lambda path: write(path, filmed(script, every(fps, script.seconds)), **how))


def between_others(script: Script, other: Script, suffix: str = "mp4", **how: Any) -> Film:
    """Ten pictures a second; those that nobody asks for show the other, so that no neighbour stands in for one."""
    return Film(script, suffix, lambda path: write(path, mixed(script, other, every(10), asked_for), **how))


def turned(script: Script, degrees: int) -> Film:
    """Stored on its side, as phones do, with the remark by how much to turn it."""

    def make(path: Path) -> None:
        upright = filmed(script, every(10))
        lying = ((ticks, cast(Frame, np.rot90(picture, -degrees // 90))) for ticks, picture in upright)
        write(path, lying, rotation=degrees)

    return Film(script, "mp4", make)


def uneven(script: Script, other: Script, seed: int = 3) -> Film:
    """Two pictures a second that the job asks for, and between them at random ticks none or up to 15 of the other."""
    rng = np.random.default_rng(seed)
    ticks: set[int] = set(every(2))
    for second in range(SECONDS):
        most = 3 if second < SECONDS // 2 else 31
        drawn = rng.choice(CLOCK, int(rng.integers(most)), replace=False)
        ticks |= {second * CLOCK + int(one) for one in drawn}
    return Film(script, "mkv", lambda path: write(path, mixed(script, other, sorted(ticks), asked_for)))


def late(script: Script) -> Film:
    """Nearly an hour in which nothing moves, and then the script."""

    def make(path: Path) -> None:
        start = HOUR_START * CLOCK
        still = next(shown(script, [0.0]))
        before = zip(range(0, start, CLOCK // 2), repeat(still))
        scenes = filmed(script, (start + ticks for ticks in every(2)), start)
        write(path, chain(before, scenes))

    return Film(script, "mp4", make, float(HOUR_START), {"start_time": HOUR_START})


def between_keys(script: Script, other: Script) -> Film:
    """The script in the key frames alone, just before each half second; all else, half seconds too, shows the other."""

    def is_key(ticks: int) -> bool:
        return ticks == 0 or ticks % 30 == 27

    def make(path: Path) -> None:
        pictures = mixed(script, other, every(20), is_key)
        write(path, pictures, keys=is_key, options={**X264, "sc_threshold": "0"})

    return Film(script, "mp4", make, fields={"keyframes_only": True})


def scripts(
    first: int, count: int, events: int, until: float, seconds: int = SECONDS, within: Span | None = None
) -> list[Script]:
    """Scripts by their seeds from `first` on in which so much happens until then (s); each has a marker of its own.

    Args:
        within: seconds between which something happens in each of them.
    """
    found: list[Script] = []
    seed = first
    while len(found) < count:
        script, seed = write_script(seed, seconds), seed + 1
        times = [event.time for event in script.events]
        wanted = within is None or any(within[0] < time <= within[1] for time in times)
        if wanted and sum(time < until for time in times) >= events:
            found.append(replace(script, marker=(3 * len(found) + 11) % 100))
    return found
