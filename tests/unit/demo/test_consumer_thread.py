"""The consumer in its thread: ready, ended by itself, stopped, and signs of life while it ends."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import pytest

from consumer.demo import consumer_thread
from consumer.demo.consumer_thread import ConsumerEndedError, ConsumerThread
from consumer.errors import ConfigurationError
from consumer.inference.engine import Engine
from consumer.settings import Settings


class ScriptedWorker:
    """Runs until it is stopped, and then until `may_end`."""

    failure: Exception | None = None
    may_end = threading.Event()
    stops = 0

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.probes = SimpleNamespace(port=0)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        type(self).stops += 1
        self._stopping.set()

    async def run(self) -> int:
        if self.failure is not None:
            raise self.failure
        await self._stopping.wait()
        await asyncio.to_thread(self.may_end.wait, 30)
        return 0


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> type[ScriptedWorker]:
    scripted = type("Scripted", (ScriptedWorker,), {"may_end": threading.Event(), "stops": 0, "failure": None})
    monkeypatch.setattr(consumer_thread, "Worker", scripted)
    return scripted


def test_it_gives_signs_of_life_until_it_has_ended(worker: type[ScriptedWorker]) -> None:
    signs = 0

    def waiting() -> None:
        nonlocal signs
        signs += 1
        if signs == 3:
            worker.may_end.set()

    with ConsumerThread(Settings(), waiting) as consumer:
        assert consumer.missing() == ["start"]
    assert signs >= 3
    # Twice: nothing that runs is worth waiting for.
    assert worker.stops == 2


def test_it_is_stopped_when_the_demo_is_broken_off(worker: type[ScriptedWorker]) -> None:
    worker.may_end.set()
    with pytest.raises(KeyboardInterrupt), ConsumerThread(Settings()):
        raise KeyboardInterrupt
    assert worker.stops >= 1


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (ConfigurationError("MODEL_NAME is wrong."), "The consumer ended: MODEL_NAME is wrong."),
        (KeyError("x"), "The consumer ended by an error that is a bug."),
    ],
)
def test_why_it_ended(worker: type[ScriptedWorker], failure: Exception, sentence: str) -> None:
    worker.failure = failure
    with ConsumerThread(Settings()) as consumer, pytest.raises(ConsumerEndedError) as caught:
        while True:
            consumer.check()
    assert str(caught.value) == sentence
