"""The start of an engine: its clips come from a real file, and the log says what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from structlog.testing import capture_logs

from consumer.errors import ConfigurationError, ErrorCode, PermanentError
from consumer.inference.budget import chunk_need, fits
from consumer.inference.engine import EngineInfo, EngineLimits, Generation, GenerationRequest
from consumer.inference.markers import drawn_markers
from consumer.inference.synthetic import SyntheticEngine
from consumer.inference.trust import SAMPLING
from consumer.job import first_light
from consumer.job.first_light import filmed_markers, start_trusted
from consumer.media.library import MediaLibrary
from consumer.settings import Settings

VLLM = Settings(engine="vllm")
DUMMY = Settings(engine="vllm", engine_args={"load_format": "dummy"})
SYNTHETIC = Settings(engine="synthetic")


class Told(SyntheticEngine):
    """Keeps what it was asked; `say` changes its answers."""

    def __init__(self, say: Callable[[str], str] = lambda text: text) -> None:
        super().__init__(seconds_per_chunk=0.0, limits=EngineLimits(4096, 4096))
        self.asked: list[GenerationRequest] = []
        self._say = say

    async def generate(self, request: GenerationRequest) -> Generation:
        self.asked.append(request)
        generation = await super().generate(request)
        return replace(generation, text=self._say(generation.text))


def test_the_filmed_clips_are_the_drawn_ones_as_h264_leaves_them() -> None:
    filmed, drawn = filmed_markers(VLLM), drawn_markers()
    assert [marker.number for marker in filmed] == [marker.number for marker in drawn]
    for one, other in zip(filmed, drawn, strict=True):
        assert one.clip.pixels.shape == other.clip.pixels.shape
        difference = np.abs(one.clip.pixels.astype(int) - other.clip.pixels.astype(int))
        assert 0 < difference.mean() < 3, "encoded, and the same picture"
    times = [marker.clip.times for marker in filmed]
    assert times == [(0.5, 1.0, 1.5, 2.0), (3.5, 4.0, 4.5, 5.0, 5.5, 6.0)]
    assert [marker.clip.start_time for marker in filmed] == [0.5, 3.5]


def test_the_clips_fit_into_the_smallest_engine_that_can_be_set() -> None:
    for marker in (*drawn_markers(), *filmed_markers(VLLM)):
        frames, height, width = marker.clip.pixels.shape[:3]
        need = chunk_need(frames=frames, height=height, width=width, prompt_tokens=48, max_tokens=SAMPLING.max_tokens)
        assert fits(need, EngineLimits(256, 256))


@pytest.mark.parametrize(("settings", "start_times"), [(VLLM, {0.5, 3.5}), (SYNTHETIC, {40.0})])
async def test_a_real_model_is_shown_the_file(settings: Settings, start_times: set[float]) -> None:
    engine = Told()
    await start_trusted(engine, settings)
    assert {request.clip.start_time for request in engine.asked if request.clip} == start_times


@pytest.mark.parametrize(
    ("settings", "say", "level"),
    [
        (SYNTHETIC, lambda text: text, "info"),
        (SYNTHETIC, lambda _: "no idea", "warning"),
        (DUMMY, lambda _: "no idea", "info"),
    ],
)
async def test_the_log_tells_of_it(settings: Settings, say: Callable[[str], str], level: str) -> None:
    with capture_logs() as logs:
        light = await start_trusted(Told(say), settings)
    (entry,) = [entry for entry in logs if entry["event"] == "first_light"]
    assert (entry["log_level"], entry["outcome"]) == (level, str(light))
    assert entry["tokens_per_second"] > 0


async def test_a_file_that_cannot_be_read_back_ends_the_start_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise PermanentError(ErrorCode.MEDIA_UNREADABLE, "The decoder did not start.")

    class Loading(Told):
        async def start(self) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(MediaLibrary, "open", broken)
    async with asyncio.timeout(10):
        with pytest.raises(ConfigurationError, match=r"cannot be read back: The decoder did not start\.$"):
            await start_trusted(Loading(), VLLM)


def test_without_an_encoder_the_clips_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_light, "write_stills", lambda *_: False)
    with capture_logs() as logs:
        markers = filmed_markers(VLLM)
    assert [marker.clip.start_time for marker in markers] == [40.0, 40.0]
    assert [entry["event"] for entry in logs] == ["markers_not_filmed"]


async def test_a_model_that_may_change_is_told() -> None:
    class Hub(Told):
        @property
        def info(self) -> EngineInfo:
            return EngineInfo("vllm", "1", "some/model", "a" * 40, None)

    for given, told in ((None, 1), ("a" * 40, 0)):
        with capture_logs() as logs:
            await start_trusted(Hub(), Settings(engine="synthetic", model_revision=given))
        reasons = [entry["reason"] for entry in logs if entry["event"] == "model_not_pinned"]
        assert reasons == [f"MODEL_REVISION={'a' * 40} keeps these weights at the next start."] * told
