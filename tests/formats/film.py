"""The film that every codec is tried with: each picture carries its number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from tests.formats.declared import FPS, GROUP, Codec, Container
from tests.media.programs import ffmpeg
from tests.media.videos import numbered

WIDTH, HEIGHT, FRAMES = 160, 96, 4 * GROUP
SECONDS = FRAMES / FPS


@dataclass(frozen=True, slots=True)
class Film:
    """The film in one codec.

    Args:
        path: a Matroska file.
        pictures: every picture, as a decoder gives them that skips nothing; RGB.
        keys: the numbers of those that are key frames.
    """

    codec: Codec
    path: Path
    pictures: tuple[NDArray[np.uint8], ...]
    keys: tuple[int, ...]

    def put_into(self, container: Container, directory: Path) -> Path:
        """Write it in another container, without encoding it anew."""
        path = directory / f"film.{container.ending}"
        change = container.filters.get(self.codec.encoder[0])
        ffmpeg("-i", self.path, "-c", "copy", *(("-bsf:v", change) if change else ()), *container.muxer, path)
        return path


def encode(codec: Codec, directory: Path) -> Film:
    """Make the film."""
    raw, path = directory / "film.rgb", directory / "film.mkv"
    source = uncoded(raw, [numbered(number, WIDTH, HEIGHT) for number in range(FRAMES)])
    ffmpeg(*source, "-c:v", *codec.encoder, "-pix_fmt", codec.pixels, path)
    raw.unlink()
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        frames = list(container.decode(stream))
    pictures = (frame.reformat(WIDTH, HEIGHT, "rgb24", interpolation="BICUBIC").to_ndarray() for frame in frames)
    keys = (number for number, frame in enumerate(frames) if frame.key_frame)
    return Film(codec, path, tuple(np.asarray(picture, np.uint8) for picture in pictures), tuple(keys))


def uncoded(path: Path, pictures: Sequence[NDArray[np.uint8]], fps: int = FPS) -> tuple[str, ...]:
    """Write pictures as they are; returns the arguments with which the ffmpeg program reads them."""
    path.write_bytes(b"".join(picture.tobytes() for picture in pictures))
    height, width, _ = pictures[0].shape
    return ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps), "-i", str(path))
