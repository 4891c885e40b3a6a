"""The small model, warm: a chunk of 20 s at 2 frames a second, from its H.264 file to its answer; about a second.

Conditions: 192x192 at 20 frames a second, H.264; 40 frames of 192x192; one chunk after another, each another one; the
demo's settings (vLLM on the CPU, eager).
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
import uuid
from pathlib import Path

import pytest

from consumer.demo.render import frames
from consumer.demo.run import PROMPT
from consumer.demo.settings import CHUNK_SECONDS, CHUNK_TOKENS, FPS, MAX_TOKENS, demo_settings, prepare_environment
from consumer.demo.video import FPS as VIDEO_FPS
from consumer.demo.video import encode
from consumer.demo.world import write_script
from consumer.inference.engine import ChunkSubject, Clip, Generation, GenerationRequest, SamplingValues
from consumer.inference.vllm_engine import VllmEngine
from consumer.media.chunks import Chunk
from consumer.media.frames import plan_frames
from consumer.media.library import Media, MediaLibrary

WARM, MEASURED = 3, 12
pytestmark = pytest.mark.timeout(900)


async def answered(engine: VllmEngine, media: Media, number: int) -> Generation:
    """That chunk, decoded and described."""
    begin = CHUNK_SECONDS * number
    plan = plan_frames(
        Chunk(number, begin, begin + CHUNK_SECONDS),
        media.info,
        fps=FPS,
        max_frames=768,
        max_vision_tokens=CHUNK_TOKENS,
        keyframes_only=False,
    )
    sampled = await asyncio.to_thread(media.decode, plan)
    clip = Clip(sampled.pixels, sampled.times, begin)
    sampling = SamplingValues(MAX_TOKENS, 0.0, 1.0, -1, 0.0, None)
    return await engine.generate(
        GenerationRequest(uuid.uuid4().hex, PROMPT, None, clip, sampling, ChunkSubject("bench", number))
    )


async def test_a_chunk_takes_about_a_second(tmp_path: Path) -> None:
    prepare_environment(scratch=tmp_path)
    script = write_script(7, round(CHUNK_SECONDS) * (WARM + MEASURED))
    path = tmp_path / "film.mp4"
    encode(path, frames(script, VIDEO_FPS))
    settings = demo_settings("localhost:1", (tmp_path,))
    engine, library = VllmEngine(settings), MediaLibrary.from_settings(settings)
    media = library.open(video_url=None, video_path=str(path))
    await engine.start()
    try:
        for number in range(WARM):
            await answered(engine, media, number)
        seconds: list[float] = []
        answers: list[Generation] = []
        for number in range(WARM, WARM + MEASURED):
            began = time.monotonic()
            answers.append(await answered(engine, media, number))
            seconds.append(time.monotonic() - began)
    finally:
        media.close()
        library.close()
        await engine.stop()
    names = ("first_token_seconds", "generate_seconds", "prompt_tokens", "completion_tokens")
    first, whole, prompt, answer = (statistics.fmean(getattr(one, name) for one in answers) for name in names)
    print(
        f"\n{MEASURED} chunks: median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s; of the mean's"
        f" {statistics.fmean(seconds):.2f} s the first token takes {first:.2f} s and the others {whole - first:.2f} s;"
        f" {prompt:.0f} prompt tokens, {answer:.0f} answered; {len(os.sched_getaffinity(0))} cores"
    )
    assert all(one.finish_reason == "stop" for one in answers)
    assert statistics.median(seconds) <= 1.25
