"""vLLM in this process, behind the Engine protocol: any number of requests in flight, batched by vLLM."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from consumer.errors import ConfigurationError, ErrorCode, PermanentError, TransientError
from consumer.inference import vllm_adapter
from consumer.inference.engine import EngineInfo, EngineLimits, Generation, GenerationRequest
from consumer.inference.prompt_view import ShownPrompt
from consumer.inference.revision import resolved_revision
from consumer.inference.vllm_adapter import Answer, LoadStopped, VllmBackend
from consumer.inference.vllm_arguments import batched_tokens, render_threads
from consumer.inference.vllm_failures import missing_model, start_failure
from consumer.inference.vllm_processes import engine_processes, kill_processes
from consumer.inference.vllm_prompt import engine_prompt
from consumer.settings import Settings

_T = TypeVar("_T")

_FINISHED = ("stop", "length")
_STOP_POLL_SECONDS = 0.2

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Rendered:
    """A clip's question as vLLM takes it; its patches stand in for the frames, which are let go."""

    question: tuple[str, str | None]
    value: Any


@dataclass(frozen=True, slots=True)
class StartSeconds:
    """Seconds that a start took: importing vLLM, and then its own processes, which import it too and load the model."""

    imports: float
    processes: float


class VllmEngine:
    """The Engine protocol on vLLM's AsyncLLM.

    Prompts are rendered (tokens, patches of pixels) in threads of its own, since that takes up to a second a chunk; the
    model runs in vLLM's processes. A clip is rendered once: its frames are let go then, and who asks about it again
    must ask the same. How many requests are on their way into the engine is for the caller to bound (`on_step`).

    `Generation.first_token_seconds` and `wait_seconds` are vLLM's; where it does not tell them, `first_token_seconds`
    is the whole time and `wait_seconds` 0.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # As it is asked for, until the weights are there.
        self._revision = settings.model_revision
        self._renderers = ThreadPoolExecutor(render_threads(), "render")
        self._loader = ThreadPoolExecutor(1, "engine-start")
        self._loading: asyncio.Future[VllmBackend] | None = None
        self._backend: VllmBackend | None = None
        self._listener: Callable[[int], None] | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._stopping = False
        self._start_seconds: StartSeconds | None = None

    @property
    def start_seconds(self) -> StartSeconds | None:
        """Where the time of its start went; None: it is not started."""
        return self._start_seconds

    @property
    def info(self) -> EngineInfo:
        settings, backend = self._settings, self._backend
        quantization = settings.quantization if backend is None else backend.quantization
        return EngineInfo("vllm", vllm_adapter.version(), settings.model_name, self._revision, quantization)

    @property
    def limits(self) -> EngineLimits:
        if self._backend is not None:
            return self._backend.limits
        return EngineLimits(self._settings.max_model_len, batched_tokens(self._settings))

    @property
    def alive(self) -> bool:
        return not self._stopping and (self._backend is None or self._backend.alive)

    @property
    def progress(self) -> int:
        return 0 if self._backend is None else self._backend.steps.progress

    def on_step(self, listener: Callable[[int], None]) -> None:
        self._listener = listener
        listener(0)

    async def start(self) -> None:
        problem = missing_model(self._settings.model_name)
        if problem is not None:
            raise ConfigurationError(problem)
        began = time.monotonic()
        loop = asyncio.get_running_loop()
        self._loading = loop.run_in_executor(self._loader, self._load)
        try:
            # Shielded: a load cannot be cancelled, `stop` has to wait for its end.
            self._backend = await asyncio.shield(self._loading)
            if self._stopping:
                # The load had gone too far to be broken off, and `stop` closes what came of it.
                raise LoadStopped
        except LoadStopped:
            raise ConfigurationError("The engine was stopped while it started.") from None
        self._backend.steps.listener = self._stepped
        await self._backend.prepare()
        self._revision = await loop.run_in_executor(self._loader, resolved_revision, self._settings) or self._revision
        seconds, imports = time.monotonic() - began, self._backend.import_seconds
        self._start_seconds = StartSeconds(imports, seconds - imports)
        _log.info(
            "engine_started",
            seconds=round(seconds, 1),
            import_seconds=round(imports, 1),
            model=self._settings.model_name,
            revision=self._revision,
        )

    async def prepare(self, request: GenerationRequest) -> None:
        """Render a clip's question, which takes up to a second."""
        if request.clip is not None:
            await self._until_stopped(self._rendered(request))

    async def generate(self, request: GenerationRequest) -> Generation:
        return await self._until_stopped(self._generate(request))

    def count_tokens(self, text: str) -> int:
        return self._require_backend().count_tokens(text)

    async def shown_prompt(self, request: GenerationRequest) -> ShownPrompt:
        """Rendered as in `generate`, but for this alone: the clip stays as it is."""
        backend = self._require_backend()
        prompt = engine_prompt(request, self._settings.timestamps, uuid.uuid4().hex)
        rendered = await asyncio.get_running_loop().run_in_executor(self._renderers, backend.render, prompt)
        token_ids = rendered["prompt_token_ids"]
        return ShownPrompt(backend.decode(token_ids), len(token_ids))

    async def stop(self) -> None:
        first, self._stopping = not self._stopping, True
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if not first:
            return
        backend = await self._loaded()
        if backend is not None:
            try:
                await backend.close()
            except Exception as error:  # noqa: BLE001 - the processes are gone, and a stop never fails
                _log.warning("engine_stop_failed", error=repr(error))
        self._renderers.shutdown(wait=False, cancel_futures=True)
        self._loader.shutdown(wait=False)

    async def _until_stopped(self, work: Coroutine[Any, Any, _T]) -> _T:
        # In a task of its own, so that `stop` can end it whoever waits for it.
        task = asyncio.ensure_future(work)
        self._running.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if self._stopping and (caller is None or not caller.cancelling()):
                raise _stopped() from None
            raise
        finally:
            self._running.discard(task)

    async def _generate(self, request: GenerationRequest) -> Generation:
        began, began_at = time.monotonic(), time.time()
        backend = self._require_backend()
        rendered = await self._rendered(request)
        answer = await backend.generate(rendered, request.sampling, request.request_id)
        if answer.finish_reason not in _FINISHED:
            raise PermanentError(ErrorCode.ENGINE_REJECTED, f"vLLM ended the request with {answer.finish_reason}.")
        seconds = time.monotonic() - began
        return Generation(
            text=answer.text,
            finish_reason=answer.finish_reason,
            vision_tokens=backend.video_tokens(rendered) if request.clip is not None else 0,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            wait_seconds=answer.queued or 0.0,
            first_token_seconds=_first_token(answer, began_at, seconds),
            generate_seconds=seconds,
        )

    async def _rendered(self, request: GenerationRequest) -> Any:
        """The request as vLLM takes it; a clip that was rendered before only gets another name."""
        backend = self._require_backend()
        if not self.alive:
            raise _stopped()
        item_id, clip = uuid.uuid4().hex, request.clip
        question = (request.prompt, request.system_prompt)
        if clip is not None and clip.rendered is not None:
            if clip.rendered.question != question:
                raise ValueError("a clip is there for one question: its frames are gone")
            return backend.renamed(clip.rendered.value, item_id)
        prompt = engine_prompt(request, self._settings.timestamps, item_id)
        value = await asyncio.get_running_loop().run_in_executor(self._renderers, backend.render, prompt)
        if clip is not None:
            clip.replace_pixels(_Rendered(question, value))
        return value

    def _stepped(self, running: int, waiting: int) -> None:
        if self._listener is not None:
            self._listener(running)

    def _load(self) -> VllmBackend:
        try:
            return VllmBackend.load(self._settings, lambda: self._stopping)
        except (LoadStopped, ConfigurationError):
            raise
        except Exception as error:  # vLLM raises whatever comes: OSError, ValueError, RuntimeError, its own
            if self._stopping:
                raise LoadStopped from None
            _log.debug("engine_start_failed", exc_info=True)
            raise ConfigurationError(start_failure(error, self._settings)) from error

    async def _loaded(self) -> VllmBackend | None:
        """The backend once its load has come to an end; a load that is still going on is broken off."""
        if self._loading is None:
            return None
        while not self._loading.done():
            # The load waits for the engine's process, which looks at no signal while it loads the model.
            kill_processes(engine_processes())
            await asyncio.wait({self._loading}, timeout=_STOP_POLL_SECONDS)
        with contextlib.suppress(ConfigurationError, LoadStopped):
            return self._loading.result()
        return None

    def _require_backend(self) -> VllmBackend:
        if self._backend is None:
            raise RuntimeError("the engine was not started")
        return self._backend


def _stopped() -> TransientError:
    return TransientError(ErrorCode.ENGINE_DIED, "The engine was stopped.")


def _first_token(answer: Answer, began_at: float, seconds: float) -> float:
    """Seconds from the request to its first token; by the wall clock, which is what vLLM tells it in."""
    if answer.first_token_at is None:
        return seconds
    return min(max(0.0, answer.first_token_at - began_at), seconds)
