"""The engine's own part, on a scripted vLLM: what is in flight, how it starts, and how it ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from consumer.demo.model_path import demo_model
from consumer.errors import ConfigurationError, ErrorCode, PermanentError, TransientError
from consumer.inference.engine import EngineLimits, SamplingValues
from consumer.inference.prompt_view import ShownPrompt, ShowsPrompts
from consumer.inference.revision import resolved_revision
from consumer.inference.vllm_adapter import Answer, LoadStopped, VllmBackend
from consumer.inference.vllm_engine import VllmEngine
from consumer.inference.vllm_steps import Steps
from consumer.settings import Settings
from tests.engine_contract import check_ended
from tests.unit.inference.builders import clip, request

SETTINGS = Settings(model_name=str(demo_model()), max_model_len=4096)
TIMES = (1.0, 1.5, 2.0, 2.5)


class ScriptedBackend:
    """Answers when `gate` is set; keeps what it was given."""

    def __init__(self) -> None:
        self.alive = True
        self.import_seconds = 0.0
        self.limits = EngineLimits(4096, 2048)
        self.quantization = "fp8"
        self.steps = Steps()
        self.prepared = 0
        self.gate = asyncio.Event()
        self.generated: list[str] = []
        self.rendered: list[tuple[dict[str, Any], str]] = []
        self.aborted: list[str] = []
        self.closed = 0
        self.failure: Exception | None = None
        self.answer = Answer("fine", "stop", 20, 1, 0.5, None)

    async def prepare(self) -> None:
        self.prepared += 1

    def renamed(self, rendered: Any, item_id: str) -> Any:
        return {**rendered, "multi_modal_uuids": {"video": [item_id]}}

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def video_tokens(self, rendered: Any) -> int:
        return 8

    def decode(self, token_ids: list[int]) -> str:
        return " ".join(map(str, token_ids))

    def render(self, prompt: dict[str, Any]) -> Any:
        self.rendered.append((prompt, threading.current_thread().name))
        return prompt

    async def generate(self, rendered: Any, sampling: SamplingValues, request_id: str) -> Answer:
        self.generated += rendered.get("multi_modal_uuids", {}).get("video", [])
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.aborted.append(request_id)
            raise
        return self.answer

    async def close(self) -> None:
        self.closed += 1
        if self.failure is not None:
            raise self.failure


async def started(monkeypatch: pytest.MonkeyPatch, settings: Settings = SETTINGS) -> tuple[VllmEngine, ScriptedBackend]:
    backend = ScriptedBackend()
    monkeypatch.setattr(VllmBackend, "load", lambda *_: backend)
    engine = VllmEngine(settings)
    await engine.start()
    return engine, backend


async def test_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, backend = await started(monkeypatch)
    backend.gate.set()
    answer = await engine.generate(request(clip(*TIMES)))
    assert (answer.text, answer.finish_reason) == ("fine", "stop")
    assert (answer.vision_tokens, answer.prompt_tokens, answer.completion_tokens) == (8, 20, 1)
    assert answer.wait_seconds == 0.5
    assert backend.prepared == 1
    # vLLM did not tell when the first token came.
    assert answer.first_token_seconds == answer.generate_seconds
    assert (engine.info.quantization, engine.limits) == ("fp8", EngineLimits(4096, 2048))
    await engine.stop()


async def test_prompts_are_rendered_off_the_event_loop_and_no_video_has_another_s_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, backend = await started(monkeypatch)
    backend.gate.set()
    await asyncio.gather(*(engine.generate(request(clip(*TIMES), request_id="same")) for _ in range(20)))
    names = [prompt["multi_modal_uuids"]["video"][0] for prompt, _ in backend.rendered]
    assert len(set(names)) == 20
    assert all(thread.startswith("render") for _, thread in backend.rendered)
    await engine.stop()


async def test_frames_are_let_go_once_they_are_rendered_and_a_second_try_renders_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, backend = await started(monkeypatch)
    backend.gate.set()
    asked = request(clip(*TIMES))
    assert asked.clip is not None
    await engine.generate(asked)
    assert asked.clip.pixels.nbytes == 0
    await engine.generate(replace(asked, request_id="again", sampling=replace(asked.sampling, seed=7)))
    assert len(backend.rendered) == 1
    assert len(set(backend.generated)) == 2
    with pytest.raises(ValueError, match="one question"):
        await engine.generate(replace(asked, prompt="And what colour is it?"))
    await engine.stop()


@pytest.mark.parametrize(("timestamps", "first"), [("absolute", 1000), ("relative", 500)])
async def test_the_time_stamps_are_a_setting(monkeypatch: pytest.MonkeyPatch, timestamps: str, first: int) -> None:
    engine, backend = await started(monkeypatch, SETTINGS.model_copy(update={"timestamps": timestamps}))
    backend.gate.set()
    await engine.generate(request(clip(1.0, 1.5, 2.0, 2.5, start=0.5)))
    ((_, metadata),) = backend.rendered[0][0]["multi_modal_data"]["video"]
    assert metadata["frames_indices"][0] == first
    await engine.stop()


async def test_text_has_no_vision_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, backend = await started(monkeypatch)
    backend.gate.set()
    assert (await engine.generate(request(None))).vision_tokens == 0
    await engine.stop()


async def test_an_end_that_is_none_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, backend = await started(monkeypatch)
    backend.gate.set()
    backend.answer = Answer("", "error", 20, 0, None, None)
    with pytest.raises(PermanentError, match="error") as caught:
        await engine.generate(request(clip(*TIMES)))
    assert caught.value.code is ErrorCode.ENGINE_REJECTED
    await engine.stop()


async def _in_flight(engine: VllmEngine, backend: ScriptedBackend, request_id: str) -> asyncio.Task[Any]:
    known = len(backend.rendered)
    task = asyncio.ensure_future(engine.generate(request(clip(*TIMES), request_id=request_id)))
    async with asyncio.timeout(10):
        while len(backend.rendered) == known:
            await asyncio.sleep(0.001)
    for _ in range(5):
        await asyncio.sleep(0.001)
    return task


async def test_cancelling_aborts(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, backend = await started(monkeypatch)
    task = await _in_flight(engine, backend, "one")
    other = await _in_flight(engine, backend, "two")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert backend.aborted == ["one"]
    backend.gate.set()
    assert (await other).text == "fine"
    await engine.stop()


async def test_stopping_ends_what_is_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, backend = await started(monkeypatch)
    task = await _in_flight(engine, backend, "one")
    await engine.stop()
    with pytest.raises(TransientError) as caught:
        await task
    assert caught.value.code is ErrorCode.ENGINE_DIED
    assert backend.aborted == ["one"]
    await check_ended(engine, request(clip(*TIMES)))
    assert backend.closed == 1


async def test_a_stop_never_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, backend = await started(monkeypatch)
    backend.failure = RuntimeError("nothing to shut down")
    await check_ended(engine, request(clip(*TIMES)))


async def test_a_dead_backend_is_a_dead_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, backend = await started(monkeypatch)
    assert engine.alive
    backend.alive = False
    await check_ended(engine, request(clip(*TIMES)))


async def test_a_model_that_is_not_there_is_said_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VllmBackend, "load", None)
    engine = VllmEngine(Settings(model_name="/no/such/model"))
    with pytest.raises(ConfigurationError, match=r"no directory /no/such/model \(MODEL_NAME\)"):
        await engine.start()
    await engine.stop()
    await engine.stop()


async def test_what_vllm_raises_becomes_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: Any) -> VllmBackend:
        raise RuntimeError("Unknown quantization method: bogus")

    monkeypatch.setattr(VllmBackend, "load", load)
    engine = VllmEngine(SETTINGS)
    with pytest.raises(ConfigurationError, match="QUANTIZATION"):
        await engine.start()
    await engine.stop()
    assert not engine.alive


async def loading(
    monkeypatch: pytest.MonkeyPatch, end: Callable[[], ScriptedBackend]
) -> tuple[VllmEngine, asyncio.Future[None]]:
    """An engine whose model loads until it is told to stop, and its start; what `end` gives comes of the load."""
    began = threading.Event()

    def load(settings: Settings, stopping: Callable[[], bool]) -> ScriptedBackend:
        began.set()
        while not stopping():
            threading.Event().wait(0.001)
        return end()

    monkeypatch.setattr(VllmBackend, "load", load)
    engine = VllmEngine(SETTINGS)
    starting = asyncio.ensure_future(engine.start())
    assert await asyncio.to_thread(began.wait, 10)
    return engine, starting


async def test_a_stop_while_the_model_loads_breaks_the_load_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken_off() -> ScriptedBackend:
        raise LoadStopped

    engine, starting = await loading(monkeypatch, broken_off)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    async with asyncio.timeout(10):
        await engine.stop()
    assert not engine.alive


async def test_a_stop_at_the_load_s_very_end_is_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = ScriptedBackend()
    engine, starting = await loading(monkeypatch, lambda: backend)
    async with asyncio.timeout(10):
        await engine.stop()
    with pytest.raises(ConfigurationError, match="stopped while it started"):
        await starting
    assert (backend.prepared, backend.closed, engine.alive) == (0, 1, False)


async def test_a_prompt_is_shown_and_nothing_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, backend = await started(monkeypatch)
    monkeypatch.setattr(backend, "render", lambda prompt: {**prompt, "prompt_token_ids": [7, 8, 9]})
    asked = request(clip(*TIMES))
    shown = await engine.shown_prompt(asked)
    assert shown == ShownPrompt("7 8 9", 3)
    assert asked.clip is not None
    assert asked.clip.pixels.size > 0
    assert isinstance(engine, ShowsPrompts)
    await engine.stop()


async def test_a_directory_s_digest_is_its_revision_once_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SETTINGS.model_copy(update={"model_revision": "v9"})
    assert VllmEngine(settings).info.revision == "v9"
    engine, _ = await started(monkeypatch, settings)
    assert engine.info.revision == resolved_revision(settings)
    assert (engine.info.revision or "").startswith("sha256:")
    await engine.stop()
