"""The pictures of a report: one of the middle of each chunk, taken within limits of number, bytes and time."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

from consumer.errors import CodedError, ErrorCode
from consumer.events.models import ChunkRef, ChunkResult, VideoJob
from consumer.job.plan import chunk_length, make_plan
from consumer.media.info import MediaInfo
from consumer.media.library import Media, MediaLibrary, decoder_count
from consumer.media.pictures import jpeg, picture_plan
from consumer.report.video import Picture
from consumer.settings import Settings

MOST_PICTURES = 480
"""Eight hours at a minute a chunk; of more chunks some have none."""

MOST_BYTES = 3_000_000
"""Of all pictures together, as JPEG; in the page they are a third larger."""

SECONDS = 180.0
"""How long pictures are taken; chunks that have none by then stay without."""

FEW, CELLS_OF_FEW, CELLS = 60, 60, 28
"""Up to so many chunks their pictures are of about 320 x 192 pixels, else of about 224 x 128."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the video lies; exactly one of the first two.

    Args:
        looked: the job that found it there, so that it can be told whether it is still the same; None: it is known.
        chunks: that job's results.
    """

    video_url: str | None
    video_path: str | None
    looked: VideoJob | None = None
    chunks: Sequence[ChunkResult] = ()


def storyboard(place: Place, refs: Sequence[ChunkRef], settings: Settings) -> tuple[Mapping[int, Picture], str | None]:
    """Pictures by chunk index, and a sentence on those that are not there. Blocks, for minutes where there are many.

    Raises:
        ConfigurationError: the settings do not make a library.
    """
    if not refs:
        return {}, None
    try:
        with (
            closing(MediaLibrary.from_settings(settings)) as library,
            library.open(video_url=place.video_url, video_path=place.video_path) as media,
        ):
            _require_same(place, media, settings)
            taken = take_pictures(media, refs, settings)
    except CodedError as error:
        if error.code is ErrorCode.SOURCE_CHANGED:
            return {}, "There are no pictures: the video that is there now is not the one that was described."
        return {}, f"There are no pictures: {error.code.value}: {error.message}"
    missing = len(refs) - len(taken)
    return taken, f"{missing:,} of {len(refs):,} chunks have no picture." if missing else None


def take_pictures(media: Media, refs: Sequence[ChunkRef], settings: Settings) -> Mapping[int, Picture]:
    """By chunk index; without those that cannot be decoded, and without the last ones beyond the limits.

    They are taken in such an order that wherever it ends, the ones that are there are spread over the video.
    """
    deadline = time.monotonic() + SECONDS
    cells = CELLS_OF_FEW if len(refs) <= FEW else CELLS
    taken: dict[int, Picture] = {}
    used, lock = 0, threading.Lock()

    def take(ref: ChunkRef) -> None:
        nonlocal used
        if time.monotonic() > deadline or used >= MOST_BYTES:
            return
        picture = _take(media, ref, cells)
        with lock:
            if picture is not None and used + len(picture.jpeg) <= MOST_BYTES:
                used += len(picture.jpeg)
                taken[ref.chunk_index] = picture

    with ThreadPoolExecutor(decoder_count(settings), "pictures") as threads:
        list(threads.map(take, spread(refs)[:MOST_PICTURES]))
    return taken


def _require_same(place: Place, media: Media, settings: Settings) -> None:
    """Pictures of another version of the video would be worse than none: raises SOURCE_CHANGED."""
    if place.looked is None:
        return
    known = {one.chunk_index: one for one in place.chunks}
    length = chunk_length(place.looked, settings)
    make_plan(place.looked, length=length, duration=media.info.duration, identity=media.identity, recovered=known)


def spread(refs: Sequence[ChunkRef]) -> list[ChunkRef]:
    """The same ones, so ordered that the first few of them lie all over the video."""
    digits = len(refs).bit_length()
    order = sorted(range(len(refs)), key=lambda place: f"{place:0{digits}b}"[::-1])
    return [refs[place] for place in order]


def _take(media: Media, ref: ChunkRef, cells: int) -> Picture | None:
    middle = (ref.start_time + ref.end_time) / 2
    try:
        frames = media.decode(picture_plan(media.info, ref.chunk_index, middle, cells))
    except CodedError:
        # The chunk failed for the same reason, or the video is not what it was.
        return None
    pixels = frames.pixels[0]
    width, height = as_shown(media.info, pixels.shape[1])
    return Picture(jpeg(pixels, width, height), width, height, middle)


def as_shown(info: MediaInfo, width: int) -> tuple[int, int]:
    """Width and height in the shape of the video, which whole cells distort a little; both even, as JPEG likes it."""
    return width, max(2, round(width * info.height / info.width / 2) * 2)
