"""The consumer as it runs in production, in a thread of the demo's process instead of a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx

from consumer.errors import VideoConsumerError
from consumer.inference.factory import make_engine
from consumer.inference.vllm_engine import StartSeconds, VllmEngine
from consumer.settings import Settings
from consumer.worker import Worker

STOP_SECONDS = 60.0
PROBE_SECONDS = 5.0
_TURN_SECONDS = 0.2


class ConsumerEndedError(VideoConsumerError):
    """The consumer ended although nobody told it to."""


class ConsumerThread:
    """A context manager: inside it the consumer runs.

    Args:
        waiting: called again and again while it ends, which takes vLLM some seconds.

    Raises:
        ConfigurationError: a setting or the installation does not work.
    """

    def __init__(self, settings: Settings, waiting: Callable[[], None] = lambda: None) -> None:
        self._engine = make_engine(settings)
        self._worker = Worker(settings, self._engine)
        self._waiting = waiting
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="consumer", daemon=True)
        self._code: int | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        # Without its loop it could not be told to stop.
        self._begun.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Twice: the demo has its results, or does not want them any more; nothing running is worth waiting for.
        for _ in range(2):
            if self._loop is not None:
                # It may have ended by itself, and closed its loop.
                with contextlib.suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._worker.stop)
        deadline = time.monotonic() + STOP_SECONDS
        while self._thread.is_alive() and time.monotonic() < deadline:
            self._waiting()
            self._thread.join(_TURN_SECONDS)

    @property
    def start_seconds(self) -> StartSeconds | None:
        """Where the time of the engine's start went; None: it does not tell, or is not started."""
        return self._engine.start_seconds if isinstance(self._engine, VllmEngine) else None

    def missing(self) -> list[str]:
        """What it still needs before it can work, as its own `/readyz` tells; empty: it is ready.

        Raises:
            ConsumerEndedError: it ended, and why.
        """
        self.check()
        if self._worker.probes.port == 0:
            return ["start"]
        address = f"http://127.0.0.1:{self._worker.probes.port}/readyz"
        try:
            answer = httpx.get(address, timeout=PROBE_SECONDS, trust_env=False)
        except httpx.TransportError:
            self.check()
            return ["start"]
        return list(answer.json().get("missing", []))

    def check(self) -> None:
        """Look whether it still runs.

        Raises:
            ConsumerEndedError: it ended, and why.
        """
        if self._thread.is_alive():
            return
        if isinstance(self._error, VideoConsumerError):
            raise ConsumerEndedError(f"The consumer ended: {self._error}")
        if self._error is not None:
            raise ConsumerEndedError("The consumer ended by an error that is a bug.") from self._error
        raise ConsumerEndedError(f"The consumer ended with exit code {self._code}; `--debug` shows its log.")

    def _run(self) -> None:
        try:
            self._code = asyncio.run(self._work())
        except BaseException as error:  # noqa: BLE001 - raised again where the demo waits
            self._error = error
        finally:
            self._begun.set()

    async def _work(self) -> int:
        self._loop = asyncio.get_running_loop()
        self._begun.set()
        return await self._worker.run()
