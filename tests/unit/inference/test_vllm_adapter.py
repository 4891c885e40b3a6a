"""What the adapter does of itself, on as much of vLLM as it asks for."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

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


async def test_the_model_s_processor_is_loaded_off_the_event_loop() -> None:
    backend, llm = VllmBackend.__new__(VllmBackend), _Llm()
    backend._llm, backend._renderer, backend._processing = llm, llm, {}
    await backend.prepare()
    assert llm.loaded_in
    assert threading.current_thread().name not in llm.loaded_in
    assert llm.told == [(METHOD, ([127.5] * 3, [127.5] * 3))]
    assert backend._processing == {"do_rescale": False, "do_normalize": False}
