"""A worker is not ready, and a server takes no request, before the first answers of its engine were right."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import pytest

from consumer.errors import ConfigurationError
from consumer.inference.engine import EngineLimits, Generation, GenerationRequest
from consumer.inference.synthetic import SyntheticEngine
from consumer.runpod import runtime
from consumer.settings import Settings
from consumer.worker import Worker

# Nobody listens there: a worker that went on would wait for its broker, and the test would not end.
SETTINGS = Settings(engine="synthetic", kafka_bootstrap_servers="127.0.0.1:9", http_host="127.0.0.1", http_port=0)


class Swapping(SyntheticEngine):
    """Says what the other clip's answer would be; meanwhile it looks whether the worker says that it is ready."""

    def __init__(self) -> None:
        super().__init__(seconds_per_chunk=0.0, limits=EngineLimits(4096, 4096))
        self.worker = Worker(SETTINGS, engine=self)
        self.seen: list[tuple[int, list[str]]] = []

    async def generate(self, request: GenerationRequest) -> Generation:
        address = f"http://127.0.0.1:{self.worker.probes.port}/readyz"
        answer = await asyncio.to_thread(httpx.get, address, trust_env=False)
        self.seen.append((answer.status_code, answer.json()["missing"]))
        generation = await super().generate(request)
        return replace(generation, text=generation.text.translate(str.maketrans("1758", "5817")))


@pytest.mark.timeout(60)
async def test_an_engine_that_mixes_up_answers_ends_the_start() -> None:
    engine = Swapping()
    # In a thread of its own: in the main one it would take over the process's signals.
    with pytest.raises(ConfigurationError, match="gives answers to the wrong requests"):
        await asyncio.to_thread(lambda: asyncio.run(engine.worker.run()))
    assert not engine.alive
    assert {status for status, _ in engine.seen} == {503}
    assert all("engine" in missing for _, missing in engine.seen)


@pytest.mark.timeout(60)
def test_a_server_takes_no_request_from_an_engine_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute(SyntheticEngine):
        async def generate(self, request: GenerationRequest) -> Generation:
            return replace(await super().generate(request), text="")

    monkeypatch.setattr(runtime, "make_engine", Mute.from_settings)
    serving = runtime.Runtime(SETTINGS, worker="w")
    try:
        with pytest.raises(ConfigurationError, match="answers all marker clips with empty texts"):
            serving.start()
    finally:
        serving.stop()
