"""Small real videos whose frames carry their number as a picture, so that it survives a lossy codec and scaling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

WIDTH, HEIGHT = 320, 192
BITS = 10
H264 = {"g": "25", "bf": "3", "preset": "veryfast"}


def numbered(number: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """A picture with `number` as ten light or dark columns, and a little texture below."""
    columns = np.linspace(0, BITS, width, endpoint=False).astype(int)
    bits = (number >> columns) & 1
    picture = np.full((height, width, 3), 60, np.uint8)
    picture[: height // 2] = np.where(bits[None, :, None] == 1, 220, 25)
    x = (number * 7) % (width - 20)
    picture[height // 2 + 10 : height // 2 + 40, x : x + 20] = (200, 40, 90)
    return picture


def numbers_in(pixels: NDArray[np.uint8]) -> list[int]:
    """The numbers of pictures [T, H, W, 3]."""
    _, height, width, _ = pixels.shape
    places = [int((bit + 0.5) * width / BITS) for bit in range(BITS)]
    return [sum(int(frame[height // 4, x].mean() > 120) << bit for bit, x in enumerate(places)) for frame in pixels]


_made: dict[str, bytes] = {}


def make_video(path: Path, **how: Any) -> Path:
    """Write numbered frames, as `_write` says; what was made once is copied, for encoding is what takes the time."""
    key = f"{path.suffix} {sorted(how.items())}"
    if key not in _made:
        _write(path, **how)
        _made[key] = path.read_bytes()
    path.write_bytes(_made[key])
    return path


def _write(
    path: Path,
    *,
    frames: int = 100,
    fps: int = 10,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    pts: Sequence[int] | None = None,
    rotation: float | None = None,
    sound: bool = False,
    container_options: dict[str, str] | None = None,
) -> None:
    """Encode and mux.

    Args:
        pts: times of the frames in units of 1/fps; None: one after another.
        rotation: degrees of the display matrix as `set_display_rotation` takes them.
    """
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=fps))
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = dict(H264 if options is None else options)
        stream.codec_context.time_base = Fraction(1, fps)
        if rotation is not None:
            stream.set_display_rotation(rotation)
        audio = container.add_stream("aac", rate=8000, layout="mono") if sound else None
        times = list(range(frames)) if pts is None else list(pts)
        for number, when in enumerate(times):
            frame = av.VideoFrame.from_ndarray(numbered(number, *size), format="rgb24")
            frame.pts, frame.time_base = when, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            for start in range(0, 8000 * (times[-1] + 1) // fps, 1024):
                tone = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
                tone.sample_rate, tone.pts, tone.time_base = 8000, start, Fraction(1, 8000)
                container.mux(audio.encode(tone))
            container.mux(audio.encode(None))


def full_decode(path: Path, width: int, height: int) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Every frame's time (seconds from the first) and pixels, nothing skipped, by the shortest way there is."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        first = None
        for frame in container.decode(stream):
            first = frame.time if first is None else first
            made = frame.reformat(width, height, "rgb24", interpolation="BICUBIC")
            yield frame.time - first, np.asarray(made.to_ndarray(), np.uint8)
