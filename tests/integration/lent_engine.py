"""`video-consumer run` that lends its engine: `python -m tests.integration.lent_engine lend DIRECTORY`, or `borrow`.

Who lends works as always; besides, through a socket in the directory, workers that borrow ask its engine, whose start
takes a minute. So they can be killed and started anew in seconds, and a real model answers all the same. The words at
the beginning of a job's id say what befalls its chunks on their way into the engine:

* `held-N:NAME...`: from chunk N on they wait until there is a file NAME in the directory;
* the name of one of the `FAULTS`: their frames come as they should not.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from consumer.errors import ErrorCode, TransientError
from consumer.inference.engine import (
    ChunkSubject,
    Clip,
    Engine,
    EngineInfo,
    EngineLimits,
    Generation,
    GenerationRequest,
)
from consumer.inference.vllm_engine import VllmEngine
from consumer.settings import Settings, load_settings
from consumer.telemetry.logs import configure_logging
from consumer.worker import Worker

LOOK_SECONDS = 0.05
_SOCKET = "engine"
_LENGTH_BYTES = 8


def _reordered(clip: Clip, order: list[int]) -> Clip:
    """Row k is what was row order[k]; the times stay."""
    return Clip(clip.pixels[order], clip.times, clip.start_time)


def _shuffled(clip: Clip) -> Clip:
    return _reordered(clip, [int(k) for k in np.random.default_rng(1).permutation(len(clip.times))])


def _pairs_shuffled(clip: Clip) -> Clip:
    pairs = np.random.default_rng(1).permutation(len(clip.times) // 2)
    return _reordered(clip, [int(2 * pair + k) for pair in pairs for k in (0, 1)])


def _early(clip: Clip) -> Clip:
    last = len(clip.times) - 1
    return _reordered(clip, [min(k + 1, last) for k in range(last + 1)])


def _pair_late(clip: Clip) -> Clip:
    return _reordered(clip, [max(k - 2, k % 2) for k in range(len(clip.times))])


def _moved(frames: int) -> Callable[[Clip], Clip]:
    def moved(clip: Clip) -> Clip:
        step = clip.times[1] - clip.times[0]
        return Clip(clip.pixels, tuple(time + frames * step for time in clip.times), clip.start_time)

    return moved


def _on_their_side(clip: Clip) -> Clip:
    return Clip(np.ascontiguousarray(np.rot90(clip.pixels, axes=(1, 2))), clip.times, clip.start_time)


def _squeezed(clip: Clip) -> Clip:
    """As where times are counted from frames at a rate that the file does not keep."""
    return Clip(clip.pixels, tuple(time * 0.93 for time in clip.times), clip.start_time)


# Pictures that come a frame late cannot be told from right ones: an event between two pairs is then first seen in the
# second frame of the later one, whose stamp it has anyhow.
FAULTS: dict[str, Callable[[Clip], Clip]] = {
    "shuffled": _shuffled,
    "pairs-shuffled": _pairs_shuffled,
    "a-frame-early": _early,
    "a-pair-late": _pair_late,
    "times-a-frame-early": _moved(-1),
    "times-a-frame-late": _moved(1),
    "times-squeezed": _squeezed,
    "on-their-side": _on_their_side,
}


class LendingEngine(VllmEngine):
    """vLLM for this process and those that borrow."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        super().__init__(settings)
        self._directory = directory
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        await super().start()
        self._server = await asyncio.start_unix_server(self._serve, self._directory / _SOCKET)

    async def prepare(self, request: GenerationRequest) -> None:
        clip, word = request.clip, request.subject.job_id.partition(":")[0]
        if clip is not None and clip.rendered is None and word in FAULTS:
            spoiled = FAULTS[word](clip)
            clip.pixels, clip.times = spoiled.pixels, spoiled.times
        await super().prepare(request)

    async def generate(self, request: GenerationRequest) -> Generation:
        word, _, rest = request.subject.job_id.partition(":")
        if word.startswith("held-") and isinstance(request.subject, ChunkSubject):
            file = self._directory / rest.partition(":")[0]
            while request.subject.chunk_index >= int(word.removeprefix("held-")) and not file.exists():
                await asyncio.sleep(LOOK_SECONDS)
        return await super().generate(request)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        await super().stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One borrower; what it asked for is given up when it is gone."""
        _send(writer, (self.info, self.limits))
        asked: set[asyncio.Task[None]] = set()
        try:
            while True:
                task = asyncio.ensure_future(self._answer(writer, *await _receive(reader)))
                asked.add(task)
                task.add_done_callback(asked.discard)
        except (asyncio.IncompleteReadError, ConnectionError):
            for task in asked:
                task.cancel()
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, number: int, request: GenerationRequest) -> None:
        _send(writer, (number, await self.generate(request)))


class BorrowedEngine:
    """The Engine protocol on the engine of another process; it is dead when that process is."""

    def __init__(self, directory: Path, tokenizer: Path) -> None:
        self._directory = directory
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Generation]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self.info = EngineInfo("vllm", "borrowed", "", None, None)
        self.limits = EngineLimits(0, 0)
        self.alive = True
        self.progress = 0

    def on_step(self, listener: Callable[[int], None]) -> None:
        """Its lender knows."""

    async def start(self) -> None:
        reader, self._writer = await asyncio.open_unix_connection(self._directory / _SOCKET)
        self.info, self.limits = await _receive(reader)
        self._listening = asyncio.ensure_future(self._listen(reader))

    async def prepare(self, request: GenerationRequest) -> None:
        """Its lender does that."""

    async def generate(self, request: GenerationRequest) -> Generation:
        assert self._writer is not None, "the engine was not started"
        number = next(self._numbers)
        answer: asyncio.Future[Generation] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        _send(self._writer, (number, request))
        try:
            return await answer
        finally:
            del self._waiting[number]

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer.encode(text).ids)

    async def stop(self) -> None:
        self.alive = False
        if self._writer is not None:
            self._writer.close()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                number, generation = await _receive(reader)
                self.progress += 1
                if number in self._waiting:
                    self._waiting[number].set_result(generation)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.alive = False
            for answer in self._waiting.values():
                answer.set_exception(TransientError(ErrorCode.ENGINE_DIED, "The lender is gone."))


def _send(writer: asyncio.StreamWriter, value: Any) -> None:
    data = pickle.dumps(value)
    writer.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)


async def _receive(reader: asyncio.StreamReader) -> Any:
    length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
    # Both ends are processes of one test.
    return pickle.loads(await reader.readexactly(length))  # noqa: S301


def main(word: str, directory: Path) -> int:
    """Run until stopped; returns the exit code."""
    settings = load_settings(environment=os.environ).settings
    configure_logging(settings.log_format, settings.log_level)
    engine: Engine
    if word == "lend":
        engine = LendingEngine(settings, directory)
    else:
        engine = BorrowedEngine(directory, Path(settings.model_name) / "tokenizer.json")
    return asyncio.run(Worker(settings, engine).run())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
