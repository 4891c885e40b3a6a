"""The synthetic engine: no model, an answer that tells what was asked; for load and fault tests."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer import __version__
from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.inference.budget import stamp_tokens, vision_tokens
from consumer.inference.engine import (
    AggregateSubject,
    ChunkSubject,
    Clip,
    EngineInfo,
    EngineLimits,
    Generation,
    GenerationRequest,
)
from consumer.inference.prompts import render_prompt
from consumer.settings import Settings

# Below this many bytes hashing takes less time than handing it to a thread.
_INLINE_BYTES = 1 << 20
_BYTES_PER_TOKEN = 4


class SyntheticEngine:
    """Answers with one JSON object about its input; the same input gives the same answer.

    A chunk: `job_id`, `chunk_index`, `frames`, `width`, `height`, `times` (source seconds of every frame), `sha256` of
    the frames' bytes, `vision_tokens`, `prompt_sha256`. An aggregate: `job_id`, `chunks`, `gaps`. Tokens are counted as
    four bytes of text each. Only chunks wait, `seconds_per_chunk` each and any number at once.
    """

    def __init__(self, *, seconds_per_chunk: float, limits: EngineLimits) -> None:
        self._seconds_per_chunk = seconds_per_chunk
        self._limits = limits
        self._stopped = asyncio.Event()

    @classmethod
    def from_settings(cls, settings: Settings) -> SyntheticEngine:
        length = settings.max_model_len
        return cls(
            seconds_per_chunk=settings.synthetic_seconds_per_chunk,
            limits=EngineLimits(length, settings.max_num_batched_tokens or length),
        )

    @property
    def info(self) -> EngineInfo:
        return EngineInfo("synthetic", __version__, "synthetic", None, None)

    @property
    def limits(self) -> EngineLimits:
        return self._limits

    @property
    def alive(self) -> bool:
        return not self._stopped.is_set()

    async def start(self) -> None:
        """Nothing to load."""

    async def generate(self, request: GenerationRequest) -> Generation:
        began = time.monotonic()
        self._require_alive()
        clip = request.clip
        vision = vision_tokens(*clip.pixels.shape[:3]) if clip else 0
        stamps = stamp_tokens(len(clip.times)) if clip else 0
        prompt = render_prompt(request.prompt, request.system_prompt, with_video=False)
        prompt_tokens = vision + stamps + self.count_tokens(prompt)
        self._require_fit(prompt_tokens)
        match request.subject:
            case ChunkSubject() as subject:
                await self._wait()
                answer = await _chunk_answer(subject, request.prompt, clip, vision)
            case AggregateSubject() as subject:
                gaps = [list(gap) for gap in subject.gaps]
                answer = {"job_id": subject.job_id, "chunks": subject.chunks, "gaps": gaps}
        text = json.dumps(answer)
        seconds = time.monotonic() - began
        return Generation(text, "stop", vision, prompt_tokens, self.count_tokens(text), 0.0, seconds, seconds)

    def count_tokens(self, text: str) -> int:
        return -(-len(text.encode("utf-8")) // _BYTES_PER_TOKEN)

    async def stop(self) -> None:
        self._stopped.set()

    async def _wait(self) -> None:
        if self._seconds_per_chunk <= 0:
            return
        try:
            async with asyncio.timeout(self._seconds_per_chunk):
                await self._stopped.wait()
        except TimeoutError:
            return
        self._require_alive()

    def _require_alive(self) -> None:
        if self._stopped.is_set():
            raise TransientError(ErrorCode.ENGINE_DIED, "The synthetic engine was stopped.")

    def _require_fit(self, prompt_tokens: int) -> None:
        # As vLLM does: room for one token of the answer must be left.
        longest = self._limits.max_model_len
        if prompt_tokens >= longest:
            raise PermanentError(
                ErrorCode.ENGINE_REJECTED,
                f"The request has {prompt_tokens} tokens, and MAX_MODEL_LEN is {longest}: shorten the prompt.",
            )


async def _chunk_answer(subject: ChunkSubject, prompt: str, clip: Clip | None, vision: int) -> dict[str, Any]:
    height, width = clip.pixels.shape[1:3] if clip else (0, 0)
    return {
        "job_id": subject.job_id,
        "chunk_index": subject.chunk_index,
        "frames": len(clip.times) if clip else 0,
        "width": width,
        "height": height,
        "times": list(clip.times) if clip else [],
        "sha256": await _frames_digest(clip),
        "vision_tokens": vision,
        "prompt_sha256": hashlib.sha256(prompt.encode("utf-8")).hexdigest(),
    }


async def _frames_digest(clip: Clip | None) -> str:
    pixels = clip.pixels if clip else np.empty(0, np.uint8)
    if pixels.nbytes <= _INLINE_BYTES:
        return _digest(pixels)
    return await asyncio.to_thread(_digest, pixels)


def _digest(pixels: NDArray[np.uint8]) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()
