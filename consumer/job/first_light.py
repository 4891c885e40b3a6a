"""The start of an engine: loaded, and asked about two clips that came the way that all clips come."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from pathlib import Path

import structlog

from consumer.errors import CodedError, ConfigurationError
from consumer.inference.engine import Clip, Engine
from consumer.inference.markers import NUMBERS, PAIRS, Marker, drawn_markers, numbered_picture
from consumer.inference.revision import unpinned
from consumer.inference.trust import FirstLight, first_light, has_dummy_weights
from consumer.media.chunks import Chunk
from consumer.media.frames import plan_frames
from consumer.media.library import MediaLibrary
from consumer.media.stills import write_stills
from consumer.settings import Settings

FPS = 2.0
_LEAD = 0.5
"""Seconds between the change of pictures and the chunk, which so begins neither at 0 nor at a key frame."""

_VISION_TOKENS = 1000

_log = structlog.get_logger(__name__)


async def start_trusted(engine: Engine, settings: Settings) -> FirstLight:
    """Load the model and put the first questions to it; returns when its answers can be trusted, see `first_light`.

    For a real model the clips are read from a file, which is made while the model loads.

    Raises:
        ConfigurationError: the model or a setting does not work, or the answers are wrong; the sentence says which.
    """
    if settings.engine == "vllm":
        _, markers = await asyncio.gather(engine.start(), asyncio.to_thread(filmed_markers, settings))
    else:
        await engine.start()
        markers = drawn_markers()
    revision = engine.info.revision
    if unpinned(settings, revision):
        _log.info("model_not_pinned", reason=f"MODEL_REVISION={revision} keeps these weights at the next start.")
    light = await first_light(engine, settings, markers)
    _log.log(
        logging.INFO if light.reads or has_dummy_weights(settings) else logging.WARNING,
        "first_light",
        outcome=str(light),
        seconds=round(light.seconds, 3),
        tokens_per_second=round(light.tokens_per_second, 1),
    )
    return light


def filmed_markers(settings: Settings) -> tuple[Marker, ...]:
    """The marker clips as they come back from an H.264 file, through a decoder of their own on the CPU.

    Raises:
        ConfigurationError: the file cannot be read back.
    """
    spans = [pairs + 1 for pairs in PAIRS]
    with tempfile.TemporaryDirectory(prefix="video-consumer-") as directory:
        path = Path(directory, "markers.mp4")
        stills = [(numbered_picture(number), seconds) for number, seconds in zip(NUMBERS, spans, strict=True)]
        if not write_stills(path, stills):
            _log.warning("markers_not_filmed", reason="This build of PyAV cannot encode H.264.")
            return drawn_markers()
        starts = [sum(spans[:index]) + _LEAD for index in range(len(spans))]
        chunks = [Chunk(k, start, start + pairs) for k, (start, pairs) in enumerate(zip(starts, PAIRS, strict=True))]
        try:
            clips = _decoded(path, chunks, settings)
        except CodedError as error:
            raise ConfigurationError(
                f"A small H.264 file that was made to try out the decoder cannot be read back: {error.message}"
            ) from None
    return tuple(Marker(number, clip) for number, clip in zip(NUMBERS, clips, strict=True))


def _decoded(path: Path, chunks: list[Chunk], settings: Settings) -> list[Clip]:
    # Not on the card: vLLM, which loads meanwhile, takes memory that comes and goes there for an error.
    own = {"allowed_paths": (str(path.parent),), "decoders": 1, "decoder_device": "cpu", "s3_endpoint": None}
    library = MediaLibrary.from_settings(settings.model_copy(update=own))
    try:
        with library.open(video_url=None, video_path=str(path)) as media:
            plans = [
                plan_frames(
                    chunk,
                    media.info,
                    fps=FPS,
                    max_frames=settings.max_frames_per_chunk,
                    max_vision_tokens=_VISION_TOKENS,
                    keyframes_only=False,
                )
                for chunk in chunks
            ]
            return [
                Clip(sampled.pixels, sampled.times, plan.chunk.start_time)
                for plan, sampled in ((plan, media.decode(plan)) for plan in plans)
            ]
    finally:
        library.close()
