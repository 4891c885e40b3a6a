"""What the adapter does of itself, on as much of vLLM as it asks for."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from consumer.inference.vllm_adapter import VllmBackend
from consumer.inference.vllm_patches import EXTENSION, METHOD


class _Llm:
    """As much of vLLM as `prepare` asks; its processor notes the thread that loads it."""

    def __init__(self) -> None:
        self.vllm_config = SimpleNamespace(parallel_config=SimpleNamespace(worker_extension_cls=EXTENSION))
        self.loaded_in: list[str] = []
        self.told: list[Any] = []
        self.renderer = self

    def get_mm_processor(self) -> Any:
        self.loaded_in.append(threading.current_thread().name)
        processor = SimpleNamespace(
            do_rescale=True, do_normalize=True, rescale_factor=1 / 255, image_mean=[0.5] * 3, image_std=[0.5] * 3
        )
        return SimpleNamespace(info=SimpleNamespace(get_video_processor=lambda: processor))

    async def collective_rpc(self, method: str, args: Any) -> list[bool]:
        self.told.append((method, args))
        return [True]


def backend_on(llm: _Llm) -> VllmBackend:
    backend = VllmBackend.__new__(VllmBackend)
    backend._llm, backend._renderer, backend._processing, backend._scale = llm, llm, {}, None
    return backend


async def test_the_model_s_processor_is_loaded_with_the_model_and_not_on_the_event_loop() -> None:
    backend = backend_on(llm := _Llm())
    await asyncio.to_thread(backend.read_scale)
    await backend.prepare()
    assert len(llm.loaded_in) == 1
    assert threading.current_thread().name not in llm.loaded_in
    assert llm.told == [(METHOD, ([127.5] * 3, [127.5] * 3))]
    assert backend._processing == {"do_rescale": False, "do_normalize": False}


@pytest.mark.parametrize("broken", ["get_mm_processor", "collective_rpc"])
async def test_where_patches_cannot_be_sent_as_bytes_the_processor_goes_its_own_way(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("not in this version")

    backend = backend_on(llm := _Llm())
    monkeypatch.setattr(llm, broken, fail)
    with capture_logs() as logs:
        backend.read_scale()
        await backend.prepare()
    assert [line["event"] for line in logs] == ["bytes_not_taken"]
    assert backend._processing == {}
