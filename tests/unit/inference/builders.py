"""Requests and engines for these tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from consumer.inference.engine import (
    AggregateSubject,
    ChunkSubject,
    Clip,
    EngineInfo,
    EngineLimits,
    Generation,
    GenerationRequest,
    SamplingValues,
)

SAMPLING = SamplingValues(max_tokens=64, temperature=0.0, top_p=1.0, top_k=1, presence_penalty=0.0, seed=1)


def clip(*times: float, start: float = 0.0, size: int = 64) -> Clip:
    """A black clip with frames at these times."""
    return Clip(np.zeros((len(times), size, size, 3), np.uint8), times, start)


def request(clip: Clip | None, *, prompt: str = "What?", request_id: str = "r", index: int = 0) -> GenerationRequest:
    subject = ChunkSubject("job", index) if clip is not None else AggregateSubject("job", 1, ())
    return GenerationRequest(request_id, prompt, None, clip, SAMPLING, subject)


class ScriptedEngine:
    """Counts a token a word; `say` makes the answers from the prompts, all of which are kept."""

    def __init__(self, max_model_len: int = 100_000, answers: list[str | Exception] | None = None) -> None:
        self.limits = EngineLimits(max_model_len, max_model_len)
        self.info = EngineInfo("scripted", "0", "scripted", None, None)
        self.alive = True
        self.progress = 0
        self.requests: list[GenerationRequest] = []
        self.finish_reason = "stop"
        self._answers = answers

    async def start(self) -> None:
        """Nothing to load."""

    def on_step(self, listener: Callable[[int], None]) -> None:
        """It begins everything at once."""

    async def prepare(self, request: GenerationRequest) -> None:
        """Nothing to prepare."""

    async def generate(self, request: GenerationRequest) -> Generation:
        self.requests.append(request)
        answer = self._answers.pop(0) if self._answers is not None else f"answer {len(self.requests)}"
        if isinstance(answer, Exception):
            raise answer
        tokens = self.count_tokens(request.prompt)
        return Generation(answer, self.finish_reason, 0, tokens, self.count_tokens(answer), 0.0, 0.0, 0.0)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    async def stop(self) -> None:
        self.alive = False
