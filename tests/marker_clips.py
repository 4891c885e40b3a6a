"""Clips of the demo's world whose number in the corner tells them apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from consumer.demo.render import frames
from consumer.demo.world import Script, write_script
from consumer.inference.engine import ChunkSubject, Clip, GenerationRequest, SamplingValues

PROMPT = "Describe what happens, with times."
SAMPLING = SamplingValues(max_tokens=400, temperature=0.0, top_p=1.0, top_k=0, presence_penalty=0.0, seed=None)
FPS = 2
SECONDS = 10


def marker_script(marker: int) -> Script:
    """Ten seconds with this number in the corner; another number is another video."""
    return replace(write_script(500 + marker, SECONDS), marker=marker)


def marker_clip(marker: int, start: float = 0.0) -> Clip:
    """The frames of that video at two a second, as if they began at `start` (s)."""
    pixels = np.stack(list(frames(marker_script(marker), FPS)))
    return Clip(pixels, tuple(start + number / FPS for number in range(len(pixels))), start)


def marker_question(marker: int, start: float = 0.0, response_schema: str | None = None) -> GenerationRequest:
    """Asks what happens in it, as lines or as JSON."""
    prompt = PROMPT if response_schema is None else f"{PROMPT.rstrip('.')}, as JSON."
    return GenerationRequest(
        request_id=f"marker-{marker}",
        prompt=prompt,
        system_prompt=None,
        clip=marker_clip(marker, start),
        sampling=replace(SAMPLING, response_schema=response_schema),
        subject=ChunkSubject("markers", marker),
    )
