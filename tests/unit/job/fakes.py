"""Scripted media and a scripted engine behind the interfaces of the real ones; no thread sleeps, no clock runs."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, cast

import numpy as np

from consumer.errors import CodedError, ErrorCode, TransientError
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from consumer.inference.engine import (
    ChunkSubject,
    Engine,
    EngineInfo,
    EngineLimits,
    Generation,
    GenerationRequest,
)
from consumer.job import JobRunner, Run
from consumer.job.second import StoredResults
from consumer.job.tools import Tools
from consumer.media.frames import FramePlan
from consumer.media.info import MediaInfo
from consumer.media.library import MediaLibrary
from consumer.media.sampled import SampledFrames
from consumer.settings import Settings
from consumer.telemetry.metrics import Metrics

INFO = MediaInfo(
    width=640,
    height=360,
    fps=30.0,
    duration=290.0,
    total_frames=8700,
    codec="h264",
    container="mp4",
    size_bytes=1_000_000,
    has_audio=False,
    rotation=0,
)
NOW_MS = 1_900_000_000_000


class FakeTime:
    """A clock that only `sleep` moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)

    def tools(self) -> Tools:
        return Tools(now_ms=lambda: NOW_MS, monotonic=lambda: self.seconds, sleep=self.sleep, draw=lambda: 0.5)


class ScriptedMedia:
    """A video of which every frame is grey; `failures` are raised first, one a call, by chunk index."""

    def __init__(self, info: MediaInfo, identity: str, failures: dict[int, list[Exception]]) -> None:
        self.info, self.identity = info, identity
        self.bytes_read = 12_345
        self.failures = failures
        self.decoded: list[int] = []
        self.degraded: tuple[str, ...] = ()
        self.opened = self.closed = 0
        self.gate: threading.Event | None = None
        self._lock = threading.Lock()

    def decode(self, plan: FramePlan) -> SampledFrames:
        if self.gate is not None:
            assert self.gate.wait(30)
        with self._lock:
            assert self.closed < self.opened, "decoded after it was closed"
            self.decoded.append(plan.chunk.index)
            failures = self.failures.get(plan.chunk.index)
            if failures:
                raise failures.pop(0)
        # One grey value seen from everywhere: real frames of a job are hundreds of megabytes.
        pixels = np.broadcast_to(np.uint8(128), (len(plan.times), plan.height, plan.width, 3))
        return SampledFrames(pixels, plan.times, fetch_seconds=0.125, decode_seconds=0.25, degraded=self.degraded)

    def close(self) -> None:
        self.closed += 1


class ScriptedLibrary:
    """Opens one video; `failures` are raised first, one a call."""

    def __init__(self, info: MediaInfo = INFO, identity: str = "s3://videos/a.mp4#etag-1") -> None:
        self.media = ScriptedMedia(info, identity, {})
        self.failures: list[Exception] = []
        self.opened: list[tuple[str | None, str | None]] = []
        self.gate: threading.Event | None = None

    def open(self, *, video_url: str | None, video_path: str | None) -> ScriptedMedia:
        if self.gate is not None:
            assert self.gate.wait(30)
        self.opened.append((video_url, video_path))
        if self.failures:
            raise self.failures.pop(0)
        self.media.opened += 1
        return self.media


Script = Callable[[GenerationRequest], "str | CodedError"]


class ScriptedEngine:
    """Answers from `answers[chunk index]` (one a call; `None` is the aggregate), else with a sentence of its own."""

    def __init__(self, limits: EngineLimits | None = None) -> None:
        self.answers: dict[int | None, list[str | CodedError | Callable[[], Awaitable[str]]]] = defaultdict(list)
        self.requests: list[GenerationRequest] = []
        self.alive = True
        self.in_flight = 0
        self.most_in_flight = 0
        self.aborted: list[str] = []
        self.prepared: list[str] = []
        self.preparing: dict[int | None, Callable[[], Awaitable[object]]] = {}
        self.gate: asyncio.Event | None = None
        self.info = EngineInfo("scripted", "1", "scripted-model", "abc", "fp8")
        self.limits = limits or EngineLimits(131_072, 131_072)
        self.progress = 0
        self.stepped: Callable[[int], None] | None = None

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def on_step(self, listener: Callable[[int], None]) -> None:
        self.stepped = listener

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def chunk_requests(self) -> list[int]:
        return [one.subject.chunk_index for one in self.requests if isinstance(one.subject, ChunkSubject)]

    async def prepare(self, request: GenerationRequest) -> None:
        self.prepared.append(request.request_id)
        index = request.subject.chunk_index if isinstance(request.subject, ChunkSubject) else None
        if index in self.preparing:
            await self.preparing[index]()

    async def generate(self, request: GenerationRequest) -> Generation:
        assert request.request_id not in {one.request_id for one in self.requests}, "a request id was used twice"
        self.requests.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._answer(request)
        except asyncio.CancelledError:
            self.aborted.append(request.request_id)
            raise
        finally:
            self.in_flight -= 1

    async def _answer(self, request: GenerationRequest) -> Generation:
        await asyncio.sleep(0)
        if self.gate is not None:
            await self.gate.wait()
        index = request.subject.chunk_index if isinstance(request.subject, ChunkSubject) else None
        scripted = self.answers[index].pop(0) if self.answers[index] else self._sentence(index)
        if isinstance(scripted, CodedError):
            raise scripted
        text = scripted if isinstance(scripted, str) else await scripted()
        vision = 8 if request.clip is not None else 0
        return Generation(text, "stop", vision, vision + 20, 5, 0.25, 0.5, 1.0)

    def _sentence(self, index: int | None) -> str:
        return "Everything at once." if index is None else f"Chunk {index} shows a grey wall."

    def die(self) -> CodedError:
        """The error of an engine that just went away."""
        self.alive = False
        return TransientError(ErrorCode.ENGINE_DIED, "The engine is gone.")


async def for_ever() -> str:
    """An answer that never comes."""
    await asyncio.Event().wait()
    raise AssertionError("never")


class Bench:
    """A runner on scripted parts, and what it emitted."""

    def __init__(
        self,
        *,
        info: MediaInfo = INFO,
        limits: EngineLimits | None = None,
        stored: StoredResults | None = None,
        **settings: Any,
    ) -> None:
        self.library = ScriptedLibrary(info)
        self.engine = ScriptedEngine(limits)
        self.time = FakeTime()
        self.metrics = Metrics()
        self.emitted: list[ChunkResult] = []
        self.settings = Settings.model_validate({"decoders": 2, **settings})
        self.runner = JobRunner(
            media=cast(MediaLibrary, self.library),
            engine=cast(Engine, self.engine),
            settings=self.settings,
            metrics=self.metrics,
            worker="worker-1",
            tools=self.time.tools(),
            stored=stored,
        )

    @property
    def media(self) -> ScriptedMedia:
        return self.library.media

    async def emit(self, result: ChunkResult) -> None:
        self.emitted.append(result)

    async def run(
        self, job: VideoJob | None = None, recovered: dict[int, ChunkResult] | None = None, attempt: int = 1
    ) -> VideoResult:
        return await self.runner.run(job or make_job(), Run("run-1", attempt, recovered or {}), self.emit)

    def by_index(self) -> dict[int, ChunkResult]:
        return {one.chunk_index: one for one in self.emitted}

    def in_order(self) -> list[ChunkResult]:
        return sorted(self.emitted, key=lambda one: one.chunk_index)

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"video_consumer_{name}", labels) or 0.0


def make_job(**fields: Any) -> VideoJob:
    """Five chunks of 60 s of the scripted video, two seconds shared."""
    return VideoJob(**{"job_id": "job-1", "video_url": "s3://videos/a.mp4", "prompt": "What happens?", **fields})
