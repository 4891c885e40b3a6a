"""The synthetic engine: no model, an answer that tells what was asked; for load and fault tests."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer import __version__
from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.inference.budget import stamp_tokens, vision_tokens
from consumer.inference.engine import (
    AggregateSubject,
    ChoiceSubject,
    ChunkSubject,
    Clip,
    EngineInfo,
    EngineLimits,
    Generation,
    GenerationRequest,
)
from consumer.inference.prompts import render_prompt
from consumer.inference.synthetic_steps import StepModel
from consumer.settings import Settings

# Below this many bytes hashing takes less time than handing it to a thread.
_INLINE_BYTES = 1 << 20
_BYTES_PER_TOKEN = 4
# Waiting is this engine's work: it gets on with it at least so often.
_TICK_SECONDS = 1.0


class SyntheticEngine:
    """Answers with one JSON object about its input; the same input gives the same answer.

    A chunk: `job_id`, `chunk_index`, `frames`, `width`, `height`, `times` (source seconds of every frame), `sha256` of
    the frames' bytes, `vision_tokens`, `prompt_sha256`. An aggregate: `job_id`, `chunks`, `gaps`. Tokens are counted as
    four bytes of text each. Only chunks wait, `seconds_per_chunk` each and any number at once.

    Args:
        tokens_per_second: of prompts that it reads, in steps that all requests share (`StepModel`); 0: any number.
    """

    def __init__(self, *, seconds_per_chunk: float, limits: EngineLimits, tokens_per_second: float = 0.0) -> None:
        self._seconds_per_chunk = seconds_per_chunk
        self._limits = limits
        self._stopped = asyncio.Event()
        self._model = StepModel(tokens_per_second, limits.max_num_batched_tokens) if tokens_per_second > 0 else None
        self._answers: dict[str, asyncio.Future[None]] = {}
        self._stepping: asyncio.Task[None] | None = None
        self._listener: Callable[[int], None] | None = None
        self._progress = 0

    @classmethod
    def from_settings(cls, settings: Settings) -> SyntheticEngine:
        length = settings.max_model_len
        return cls(
            seconds_per_chunk=settings.synthetic_seconds_per_chunk,
            tokens_per_second=settings.synthetic_tokens_per_second,
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

    @property
    def progress(self) -> int:
        return self._progress

    def on_step(self, listener: Callable[[int], None]) -> None:
        self._listener = listener
        if self._model is not None:
            listener(0)

    async def start(self) -> None:
        """Nothing to load."""

    async def prepare(self, request: GenerationRequest) -> None:
        """Nothing to prepare."""

    async def generate(self, request: GenerationRequest) -> Generation:
        began = time.monotonic()
        self._require_alive()
        clip = request.clip
        vision = vision_tokens(*clip.pixels.shape[:3]) if clip else 0
        stamps = stamp_tokens(len(clip.times)) if clip else 0
        prompt = render_prompt(request.prompt, request.system_prompt, with_video=False)
        prompt_tokens = vision + stamps + self.count_tokens(prompt)
        self._require_fit(prompt_tokens)
        answer: dict[str, Any] | list[int]
        match request.subject:
            case ChunkSubject() as subject:
                await self._wait()
                answer = await _chunk_answer(subject, request.prompt, clip, vision)
            case AggregateSubject() as subject:
                gaps = [list(gap) for gap in subject.gaps]
                answer = {"job_id": subject.job_id, "chunks": subject.chunks, "gaps": gaps}
            case ChoiceSubject() as subject:
                # Every second, as if these mattered.
                answer = list(subject.candidates[1::2][: subject.most])
        text = json.dumps(answer)
        if self._model is not None:
            await self._step(self._model, request.request_id, prompt_tokens, self.count_tokens(text))
        self._progress += 1
        seconds = time.monotonic() - began
        return Generation(text, "stop", vision, prompt_tokens, self.count_tokens(text), 0.0, seconds, seconds)

    def count_tokens(self, text: str) -> int:
        return -(-len(text.encode("utf-8")) // _BYTES_PER_TOKEN)

    async def stop(self) -> None:
        self._stopped.set()
        for name in self._answers:
            self._end(name)

    async def _wait(self) -> None:
        until = time.monotonic() + self._seconds_per_chunk
        while (left := until - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, _TICK_SECONDS)):
                    await self._stopped.wait()
            self._require_alive()
            self._progress += 1

    async def _step(self, model: StepModel, name: str, prompt: int, answer: int) -> None:
        """Wait until the model's steps have brought the answer."""
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answers[name] = answered
        model.add(name, prompt=prompt, answer=answer)
        if self._stepping is None or self._stepping.done():
            self._stepping = asyncio.ensure_future(self._steps(model))
        try:
            await answered
        finally:
            model.remove(name)
            del self._answers[name]
        self._require_alive()

    async def _steps(self, model: StepModel) -> None:
        while not model.empty and self.alive:
            seconds, done = model.step()
            await asyncio.sleep(seconds)
            self._progress += 1
            for name in done:
                self._end(name)
            if self._listener is not None:
                self._listener(model.begun)

    def _end(self, name: str) -> None:
        answer = self._answers.get(name)
        if answer is not None and not answer.done():
            answer.set_result(None)

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
