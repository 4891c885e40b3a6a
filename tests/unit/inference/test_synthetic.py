"""The synthetic engine keeps the engines' contract, and its answers tell what they were given."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest

from consumer.errors import ErrorCode, TransientError
from consumer.inference.engine import AggregateSubject, Clip, EngineLimits, Generation, GenerationRequest
from consumer.inference.synthetic import SyntheticEngine
from tests.engine_contract import EngineContract, Questions, check_ended
from tests.unit.inference.builders import clip, request

LIMITS = EngineLimits(4096, 4096)


class Numbered(Questions):
    """The clip's colour is the number."""

    def ask(self, number: int) -> GenerationRequest:
        pixels = np.full((4, 64, 96, 3), number, np.uint8)
        made = Clip(pixels, tuple(number + k / 2 for k in range(4)), float(number))
        return request(made, request_id=f"r{number}", index=number)

    def is_answer(self, number: int, generation: Generation) -> bool:
        said = json.loads(generation.text)
        digest = hashlib.sha256(bytes([number]) * (4 * 64 * 96 * 3)).hexdigest()
        return bool((said["chunk_index"], said["sha256"]) == (number, digest))


@pytest.fixture
async def engine() -> AsyncIterator[SyntheticEngine]:
    # Some waiting, so that a request can be cancelled while it is in flight.
    made = SyntheticEngine(seconds_per_chunk=0.02, limits=LIMITS)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def questions() -> Numbered:
    return Numbered()


class TestContract(EngineContract):
    pass


async def test_the_whole_answer_about_a_chunk(engine: SyntheticEngine) -> None:
    answer = await engine.generate(request(clip(2.0, 2.5, 3.0, 3.5), prompt="What?", index=7))
    assert json.loads(answer.text) == {
        "job_id": "job",
        "chunk_index": 7,
        "frames": 4,
        "width": 64,
        "height": 64,
        "times": [2.0, 2.5, 3.0, 3.5],
        "sha256": hashlib.sha256(bytes(4 * 64 * 64 * 3)).hexdigest(),
        "vision_tokens": 8,
        "prompt_sha256": hashlib.sha256(b"What?").hexdigest(),
    }


async def test_the_whole_answer_about_an_aggregate(engine: SyntheticEngine) -> None:
    asked = replace(request(None), subject=AggregateSubject("job", 3, ((1.0, 2.0),)))
    answer = await engine.generate(asked)
    assert json.loads(answer.text) == {"job_id": "job", "chunks": 3, "gaps": [[1.0, 2.0]]}


async def test_large_frames_have_the_same_digest(engine: SyntheticEngine) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (8, 256, 256, 3), dtype=np.uint8)
    answer = await engine.generate(request(Clip(pixels, tuple(float(k) for k in range(8)), 0.0)))
    assert json.loads(answer.text)["sha256"] == hashlib.sha256(pixels.tobytes()).hexdigest()


async def test_chunks_wait_at_once_and_aggregates_not_at_all() -> None:
    slow = SyntheticEngine(seconds_per_chunk=0.2, limits=LIMITS)
    answers = await asyncio.gather(*(slow.generate(Numbered().ask(number)) for number in range(20)))
    assert all(0.2 <= answer.generate_seconds < 2.0 for answer in answers)
    assert (await slow.generate(request(None))).generate_seconds < 0.2


async def test_a_step_is_told_of_without_those_that_it_answered() -> None:
    engine, told = SyntheticEngine(seconds_per_chunk=0.0, tokens_per_second=1e6, limits=LIMITS), list[int]()
    engine.on_step(told.append)
    await asyncio.gather(*(engine.generate(request(None, request_id=f"r{number}")) for number in range(3)))
    assert (told[0], max(told), told[-1]) == (0, 3, 0)
    await engine.stop()


async def test_stopping_ends_what_is_in_flight() -> None:
    slow = SyntheticEngine(seconds_per_chunk=3600.0, limits=LIMITS)
    task = asyncio.ensure_future(slow.generate(Numbered().ask(0)))
    await asyncio.sleep(0)
    await slow.stop()
    with pytest.raises(TransientError) as caught:
        await task
    assert caught.value.code is ErrorCode.ENGINE_DIED
    await check_ended(slow, Numbered().ask(1))
