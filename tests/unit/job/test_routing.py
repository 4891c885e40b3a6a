"""Ten thousand numbered clips through the engine's guard, 64 in flight, some given up: each gets its own answer."""

from __future__ import annotations

import asyncio
import hashlib
import json
from functools import cache
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.inference.engine import ChunkSubject, Clip, EngineLimits, Generation, GenerationRequest, SamplingValues
from consumer.inference.markers import numbered_clip
from consumer.inference.synthetic import SyntheticEngine
from consumer.job.guard import GuardedEngine
from consumer.job.tools import Tools
from consumer.settings import Settings
from consumer.telemetry.metrics import Metrics
from tests.routing import storm

REQUESTS, IN_FLIGHT, JOBS = 10_000, 64, 7
SAMPLING = SamplingValues(max_tokens=64, temperature=0.0, top_p=1.0, top_k=1, presence_penalty=0.0, seed=1)
LONGEST_SECONDS = 0.006


class Shuffling(SyntheticEngine):
    """Answers in another order than it was asked; counts what it works on."""

    def __init__(self) -> None:
        super().__init__(seconds_per_chunk=0.0, limits=EngineLimits(4096, 4096))
        self.random, self.working, self.most = Random(2), 0, 0

    async def _wait(self) -> None:
        self.working += 1
        self.most = max(self.most, self.working)
        try:
            await asyncio.sleep(self.random.random() * LONGEST_SECONDS)
        finally:
            self.working -= 1


@cache
def picture(number: int) -> NDArray[np.uint8]:
    """The corner of a clip's frames, where its number is."""
    return np.ascontiguousarray(numbered_clip(number, 2, 0.0).pixels[:, :64, :64])


@cache
def digest(number: int) -> str:
    return hashlib.sha256(picture(number).tobytes()).hexdigest()


def times(number: int) -> tuple[float, ...]:
    """Those of no other request."""
    return tuple(number + k / 4 for k in range(4))


def ask(number: int) -> GenerationRequest:
    return GenerationRequest(
        request_id=f"run/1/{number}",
        prompt=f"What is number {number}?",
        system_prompt=None,
        clip=Clip(picture(number % 100), times(number), float(number)),
        sampling=SAMPLING,
        subject=ChunkSubject(f"job-{number % JOBS}", number),
    )


def is_answer(number: int, answer: Generation) -> bool:
    said: dict[str, Any] = json.loads(answer.text)
    prompt = hashlib.sha256(f"What is number {number}?".encode()).hexdigest()
    return (said["job_id"], said["chunk_index"], tuple(said["times"]), said["sha256"], said["prompt_sha256"]) == (
        f"job-{number % JOBS}",
        number,
        times(number),
        digest(number % 100),
        prompt,
    )


async def test_each_of_ten_thousand_gets_its_own_answer() -> None:
    engine = Shuffling()
    settings = Settings(max_concurrent_chunks=IN_FLIGHT, generate_timeout_seconds=60.0)
    guarded = GuardedEngine(engine, settings, Metrics(), Tools())
    # A few more at a time than may be in the engine, so that some are given up while they wait for their turn.
    seen = await storm(guarded, ask, is_answer, count=REQUESTS, in_flight=IN_FLIGHT + 8, patience=2 * LONGEST_SECONDS)
    assert seen.wrong == []
    assert seen.answered + seen.cancelled + seen.timed_out == REQUESTS
    assert seen.answered > REQUESTS / 2
    assert min(seen.cancelled, seen.timed_out) > REQUESTS / 100
    assert (engine.most, engine.working) == (IN_FLIGHT, 0)
    assert guarded.still_seconds() == 0.0
