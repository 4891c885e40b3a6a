"""The first questions to an engine, about clips with numbers in them: whether its answers can be trusted."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumer.errors import CodedError, ConfigurationError, ErrorCode
from consumer.inference.budget import vision_tokens
from consumer.inference.engine import (
    AggregateSubject,
    Engine,
    Generation,
    GenerationRequest,
    SamplingValues,
)
from consumer.inference.markers import Marker
from consumer.inference.prompt_view import ShowsPrompts, prompt_fault
from consumer.settings import Settings

PROMPT = "Which number of two digits is shown at the top left? Answer with the number."
SAMPLING = SamplingValues(max_tokens=16, temperature=0.0, top_p=1.0, top_k=0, presence_penalty=0.0, seed=None)

LEAST_LIMIT_SECONDS = 120.0
"""For all answers; the first ones may wait for kernels to be compiled, whatever limit there is for one answer later."""

_NUMBER = re.compile(r"(?<!\d)\d\d(?!\d)")


@dataclass(frozen=True, slots=True)
class FirstLight:
    """What was seen of an engine that passed.

    Args:
        seconds: from asking about all clips at once to the last answer.
        reads: each answer told its own clip's number; False: the weights cannot read, so only numbers of tokens tell
            that each question got its own answer.
        prompt_seen: the engine showed the prompt, and it is as it should be.
    """

    clips: int
    seconds: float
    prompt_tokens: int
    completion_tokens: int
    reads: bool
    prompt_seen: bool

    @property
    def tokens_per_second(self) -> float:
        """Of prompts and answers together; with everything cold, so less than later."""
        return (self.prompt_tokens + self.completion_tokens) / self.seconds if self.seconds > 0 else 0.0

    def __str__(self) -> str:
        read = (
            "each answer names its own clip's number"
            if self.reads
            else "the weights cannot read their numbers, so only the structure was looked at"
        )
        prompt = "the prompts are as they should be" if self.prompt_seen else "the engine does not show its prompts"
        return (
            f"{self.clips} marker clips in flight were answered in {self.seconds:.2g} s "
            f"({self.tokens_per_second:.0f} tokens/s, all cold): {read}, and {prompt}"
        )


async def first_light(
    engine: Engine,
    settings: Settings,
    markers: Sequence[Marker],
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> FirstLight:
    """Ask a started engine about all these clips at once.

    Raises:
        ConfigurationError: it does not answer, or not what it was asked; the sentence says what is wrong.
    """
    limit = max(LEAST_LIMIT_SECONDS, settings.generate_timeout_seconds)
    try:
        async with asyncio.timeout(limit):
            return await _look(engine, settings, markers, monotonic)
    except TimeoutError:
        raise ConfigurationError(
            f"The engine did not answer {len(markers)} marker clips within {limit:g} s; look at its log, or raise "
            "GENERATE_TIMEOUT_SECONDS."
        ) from None
    except CodedError as error:
        if error.code is ErrorCode.ENGINE_DIED:
            raise ConfigurationError(
                "The engine ended while it was asked about its first clips, and its own messages above say why; where "
                "it is memory, lower GPU_MEMORY_UTILIZATION or MAX_NUM_BATCHED_TOKENS."
            ) from None
        raise ConfigurationError(f"The engine does not answer a marker clip: {error.message}") from None


async def _look(
    engine: Engine, settings: Settings, markers: Sequence[Marker], monotonic: Callable[[], float]
) -> FirstLight:
    lengths = [await _shown(engine, settings, marker) for marker in markers]
    began = monotonic()
    answers = await asyncio.gather(*(engine.generate(question(marker, "together")) for marker in markers))
    seconds = monotonic() - began
    for marker, answer, length in zip(markers, answers, lengths, strict=True):
        _count(marker, answer, length)
    reads = not has_dummy_weights(settings) and await _read(engine, markers, answers)
    return FirstLight(
        clips=len(markers),
        seconds=seconds,
        prompt_tokens=sum(answer.prompt_tokens for answer in answers),
        completion_tokens=sum(answer.completion_tokens for answer in answers),
        reads=reads,
        prompt_seen=isinstance(engine, ShowsPrompts),
    )


def question(marker: Marker, name: str) -> GenerationRequest:
    """What is asked about a marker; `name` tells one asking from the other."""
    return GenerationRequest(
        request_id=f"first-light/{name}/{marker.number}",
        prompt=PROMPT,
        system_prompt=None,
        clip=marker.clip,
        sampling=SAMPLING,
        # No chunk of a job; the synthetic engine, which lets chunks wait, repeats the number.
        subject=AggregateSubject("first-light", marker.number, ()),
    )


async def _shown(engine: Engine, settings: Settings, marker: Marker) -> int | None:
    """Tokens of the prompt that the engine shows; None: it shows none."""
    if not isinstance(engine, ShowsPrompts):
        return None
    asked = question(marker, "shown")
    shown = await engine.shown_prompt(asked)
    fault = prompt_fault(shown, question(marker, "shown"), settings.timestamps)
    if fault is not None:
        info = engine.info
        raise ConfigurationError(
            f"The prompt that {info.engine} {info.engine_version} makes for {info.model} (MODEL_NAME) is not the one "
            f"that Qwen3-VL was trained on: {fault}."
        )
    return shown.tokens


def _count(marker: Marker, answer: Generation, prompt_tokens: int | None) -> None:
    """What holds of an answer whatever the weights are."""
    frames, height, width = marker.clip.pixels.shape[:3]
    vision = vision_tokens(frames, height, width)
    if answer.vision_tokens != vision or (prompt_tokens is not None and answer.prompt_tokens != prompt_tokens):
        due = "" if prompt_tokens is None else f"a prompt of {prompt_tokens} and "
        raise ConfigurationError(
            f"The engine mixes up requests: the answer about a marker clip with {due}{vision} vision tokens is about "
            f"one of {answer.prompt_tokens} and {answer.vision_tokens}; use another version of vLLM."
        )
    if answer.completion_tokens < 1:
        raise ConfigurationError(
            "The engine answers a marker clip with nothing; look at MODEL_NAME, QUANTIZATION and DTYPE."
        )


async def _read(engine: Engine, markers: Sequence[Marker], answers: Sequence[Generation]) -> bool:
    """Whether each answer tells its own clip's number; False: the weights cannot read.

    Raises:
        ConfigurationError: they can, and tell another clip's; or they say nothing at all.
    """
    together = [_told(answer, markers) for answer in answers]
    if _right(together, markers):
        return True
    if all(not answer.text.strip() for answer in answers):
        raise ConfigurationError(
            "The engine answers all marker clips with empty texts; look at MODEL_NAME, QUANTIZATION and DTYPE."
        )
    alone = [_told(await engine.generate(question(marker, "alone")), markers) for marker in markers]
    if _right(alone, markers) or _swapped(together, markers):
        names = " and ".join(str(marker.number) for marker in markers)
        said = " and ".join(repr(" ".join(answer.text.split())) for answer in answers)
        raise ConfigurationError(
            f"The engine gives answers to the wrong requests: asked at once about clips with the numbers {names}, it "
            f"said {said}; use another version of vLLM."
        )
    return False


def has_dummy_weights(settings: Settings) -> bool:
    """Whether the weights are known to be random."""
    return bool(settings.engine_args.get("load_format") == "dummy")


def _told(answer: Generation, markers: Sequence[Marker]) -> set[int]:
    """The markers' numbers in an answer."""
    return {int(number) for number in _NUMBER.findall(answer.text)} & {marker.number for marker in markers}


def _right(told: Sequence[set[int]], markers: Sequence[Marker]) -> bool:
    return all(numbers == {marker.number} for marker, numbers in zip(markers, told, strict=True))


def _swapped(told: Sequence[set[int]], markers: Sequence[Marker]) -> bool:
    return all(numbers and marker.number not in numbers for marker, numbers in zip(markers, told, strict=True))
