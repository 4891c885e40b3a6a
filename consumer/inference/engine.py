"""The Engine protocol: what a job asks of a model, whoever runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SamplingValues:
    """How the answer is drawn; the field's names (vLLM's and the job's)."""

    max_tokens: int
    temperature: float
    top_p: float
    top_k: int
    presence_penalty: float
    seed: int | None
    response_schema: str | None = None


@dataclass(slots=True, eq=False)
class Clip:
    """The frames of one chunk, about which one question is asked (again, if need be).

    Args:
        pixels: uint8, shape [T, H, W, 3], RGB; T even and at least 4, H and W multiples of 32.
        times: source time of each frame in seconds, strictly increasing, length T.
        start_time: where the chunk starts in source time, seconds (zero of relative time stamps).
        rendered: what an engine has made of the pixels, its own affair.
    """

    pixels: NDArray[np.uint8]
    times: tuple[float, ...]
    start_time: float
    rendered: Any = None

    def replace_pixels(self, rendered: object) -> None:
        """Keep what the engine made of the pixels in their place (T is 0 from then on): both would be twice as much."""
        self.pixels, self.rendered = np.empty((0, *self.pixels.shape[1:]), np.uint8), rendered


@dataclass(frozen=True, slots=True)
class ChunkSubject:
    """The request is about one chunk of a job."""

    job_id: str
    chunk_index: int


@dataclass(frozen=True, slots=True)
class AggregateSubject:
    """The request is about the answers of `chunks` chunks of a job; `gaps` are the missing [start, end] in seconds."""

    job_id: str
    chunks: int
    gaps: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class ChoiceSubject:
    """The request is which of these chunks of a job matter, `most` of them at most."""

    job_id: str
    candidates: tuple[int, ...]
    most: int


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One question to the model.

    Args:
        request_id: unique among all requests in flight; answers are matched by it.
        clip: the video part, or None for text only.
    """

    request_id: str
    prompt: str
    system_prompt: str | None
    clip: Clip | None
    sampling: SamplingValues
    subject: ChunkSubject | AggregateSubject | ChoiceSubject


@dataclass(frozen=True, slots=True)
class Generation:
    """One answer.

    `finish_reason` is `stop` or `length`. Token counts: `prompt_tokens` includes `vision_tokens`. Seconds: `wait` from
    the request to the start of its work where the engine tells it (else 0), `first_token` from the request to the first
    token, `generate` from the request to the last.
    """

    text: str
    finish_reason: str
    vision_tokens: int
    prompt_tokens: int
    completion_tokens: int
    wait_seconds: float
    first_token_seconds: float
    generate_seconds: float


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What answers: for provenance."""

    engine: str
    engine_version: str
    model: str
    revision: str | None
    quantization: str | None


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """Tokens that fit.

    Args:
        max_model_len: into one request's context.
        max_num_batched_tokens: into one engine step (an item near it runs alone).
        kv_cache_tokens: into the memory of all requests that the engine works on; None: it does not tell.
        encoder_cache_tokens: of videos that are encoded and not yet read; None: it does not tell.
    """

    max_model_len: int
    max_num_batched_tokens: int
    kv_cache_tokens: int | None = None
    encoder_cache_tokens: int | None = None


class Engine(Protocol):
    """A model that answers many requests at once.

    All coroutines belong to one event loop. `generate` may be called any number of times concurrently; cancelling it
    aborts the request in the engine.
    """

    @property
    def info(self) -> EngineInfo: ...

    @property
    def limits(self) -> EngineLimits: ...

    @property
    def alive(self) -> bool:
        """False once the engine can never answer again; the process must then end so that its jobs resume elsewhere."""
        ...

    @property
    def progress(self) -> int:
        """Grows with every step that brings a request on, by a token or a part of its prompt; for any thread.

        An engine that has requests and makes no progress hangs, whatever else it says of itself.
        """
        ...

    def on_step(self, listener: Callable[[int], None]) -> None:
        """From now on call `listener` in the event loop after each step, with the number of requests worked on.

        Those that the step has answered are no longer among them, though their answers may not have been taken yet.
        The others wait in the engine, or on their way into it; it begins them in the order in which they came. An
        engine that begins every request at once need not call it; one that will calls it at once, too.
        """
        ...

    async def start(self) -> None:
        """Load the model; returns when requests are answered.

        Raises:
            ConfigurationError: the model or a setting does not work; the sentence names it.
        """
        ...

    async def prepare(self, request: GenerationRequest) -> None:
        """Do what can be done before the request is the engine's turn; `generate` does what was not done here.

        Raises:
            TransientError: ENGINE_DIED.
        """
        ...

    async def generate(self, request: GenerationRequest) -> Generation:
        """Answer one request.

        Raises:
            PermanentError: ENGINE_REJECTED, this request can never be answered.
            TransientError: ENGINE_DIED, the engine is gone (`alive` is False).
        """
        ...

    def count_tokens(self, text: str) -> int:
        """Tokens of plain text, special tokens included, as the model counts them."""
        ...

    async def stop(self) -> None:
        """End the engine's processes; requests in flight end with ENGINE_DIED. Never raises, may be called twice."""
        ...


def engine_metadata(info: EngineInfo) -> dict[str, Any]:
    """The engine's part of an event's provenance, by the event's field names."""
    return {
        "model": info.model,
        "revision": info.revision,
        "quantization": info.quantization,
        "engine": info.engine,
        "engine_version": info.engine_version,
    }
