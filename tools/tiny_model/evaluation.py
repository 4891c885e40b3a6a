"""Asks a model as the consumer does: H.264 files, the consumer's decoder, vLLM behind the consumer's engine."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np

from consumer.demo.render import frames
from consumer.demo.settings import CHUNK_TOKENS, MAX_MODEL_LEN, prepare_environment
from consumer.demo.video import encode
from consumer.errors import CodedError
from consumer.inference.aggregation import ChunkText, aggregate
from consumer.inference.engine import ChunkSubject, Clip, Engine, GenerationRequest, SamplingValues
from consumer.inference.factory import make_engine
from consumer.media.frames import plan_frames
from consumer.media.library import Media, MediaLibrary
from consumer.settings import Settings, load_settings
from tools.tiny_model.card import EVALUATION, TRAINING, write_again, write_card
from tools.tiny_model.exam import FPS, SCHEMA, ChunkExam, MergeExam, chunk_exams, merge_exams
from tools.tiny_model.results import Results

PROMPT = "Describe what happens, with times."
JSON_PROMPTS = ("Describe what happens, with times, as JSON.", PROMPT)
"""The second leaves it to the schema that nobody shows to the model."""
JSON_EVERY = 3
SAMPLING = SamplingValues(max_tokens=2048, temperature=0.0, top_p=1.0, top_k=0, presence_penalty=0.0, seed=None)
_IN_FLIGHT, _VIDEOS_AT_ONCE = 8, 2
_RATES, _COARSENESS = (10, 20, 30), (18, 30)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is asked; the same seed asks the same."""

    clips: int
    merges: int
    seed: int


def evaluate(
    model: Path,
    extent: Extent,
    *,
    out: Path | None,
    card: bool,
    again: Path | None,
    show: Callable[[str], None] = print,
) -> None:
    """Ask everything and write the figures: beside the weights as EVALUATION, or to `out`; with `card` the card too.

    Args:
        again: another model, whose card is to tell of this one, as of its training made again.

    Raises:
        ConfigurationError: vLLM is not installed, or does not load the model.
        ValueError: the figures or the card could not be written, known before anything is asked.
    """
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise ValueError(f"The figures cannot be written to {out}: give a file in a directory that exists as --out.")
    needs = [(model, TRAINING)] if card or again else []
    needs += [(again, TRAINING), (again, EVALUATION)] if again else []
    for where, name in needs:
        if not (where / name).is_file():
            option = "--again" if again else "--card"
            raise ValueError(f"There is no {name} in {where}, which the card is made from: leave {option} out.")
    with TemporaryDirectory(prefix="tiny-model-") as scratch:
        prepare_environment(scratch=Path(scratch))
        figures = asyncio.run(_Evaluation(model, extent, Path(scratch), show).run())
    show(json.dumps({name: value for name, value in figures.items() if name != "mistakes"}))
    (out or model / EVALUATION).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if card:
        write_card(model)
    if again is not None:
        write_again(again, model)


class _Evaluation:
    def __init__(self, model: Path, extent: Extent, scratch: Path, show: Callable[[str], None]) -> None:
        self._extent, self._scratch, self._show = extent, scratch, show
        self._settings = _settings(model, scratch)
        self._engine: Engine = make_engine(self._settings)
        self._in_flight = asyncio.Semaphore(_IN_FLIGHT)
        self._results = Results()

    async def run(self) -> dict[str, Any]:
        extent, began = self._extent, time.monotonic()
        await self._engine.start()
        self._show(f"the engine is ready after {time.monotonic() - began:.0f} s")
        began = time.monotonic()
        library = MediaLibrary.from_settings(self._settings)
        videos = asyncio.Semaphore(_VIDEOS_AT_ONCE)
        try:
            await asyncio.gather(
                *(self._video(library, videos, exams) for exams in chunk_exams(extent.clips, extent.seed))
            )
            clips_took, began = time.monotonic() - began, time.monotonic()
            await asyncio.gather(*(self._merge(exam) for exam in merge_exams(extent.merges, extent.seed)))
        finally:
            library.close()
            await self._engine.stop()
        info = self._engine.info
        return {
            "engine": f"{info.engine} {info.engine_version}",
            "seed": extent.seed,
            "seconds for chunks": round(clips_took),
            "seconds for merges": round(time.monotonic() - began),
            **self._results.figures(),
        }

    async def _video(self, library: MediaLibrary, free: asyncio.Semaphore, exams: list[ChunkExam]) -> None:
        async with free:
            path = self._scratch / f"{exams[0].number}.mp4"
            await asyncio.to_thread(_make, path, exams[0])
            media = await asyncio.to_thread(library.open, video_url=None, video_path=str(path))
            try:
                await asyncio.gather(*(self._chunk(media, exam) for exam in exams))
            finally:
                media.close()
                path.unlink()
            self._show(f"{self._results.chunks} of {self._extent.clips} chunks")

    async def _chunk(self, media: Media, exam: ChunkExam) -> None:
        """A description; of every third chunk also JSON; and a question."""
        results = self._results
        text, seconds = await self._ask(media, exam, PROMPT, None)
        results.add_lines(exam, text, seconds)
        if exam.number % JSON_EVERY == 0:
            prompt = JSON_PROMPTS[exam.number // JSON_EVERY % 2]
            text, _ = await self._ask(media, exam, prompt, SCHEMA)
            results.add_json(exam, text, prompt)
        wordings = exam.question.value
        prompt = wordings[exam.number % len(wordings)]
        text, _ = await self._ask(media, exam, prompt, None)
        results.add_answer(exam, text, prompt)

    async def _ask(self, media: Media, exam: ChunkExam, prompt: str, schema: str | None) -> tuple[str, float]:
        async with self._in_flight:
            plan = plan_frames(
                exam.chunk, media.info, fps=FPS, max_frames=768, max_vision_tokens=CHUNK_TOKENS, keyframes_only=False
            )
            sampled = await asyncio.to_thread(media.decode, plan)
            clip = Clip(
                sampled.pixels,
                tuple(one + exam.offset for one in sampled.times),
                exam.chunk.start_time + exam.offset,
            )
            request = GenerationRequest(
                request_id=f"{exam.number}/{prompt}/{schema is not None}",
                prompt=prompt,
                system_prompt=None,
                clip=clip,
                sampling=replace(SAMPLING, response_schema=schema),
                subject=ChunkSubject(f"video-{exam.number}", exam.chunk.index),
            )
            answer = await self._answered(self._engine.generate(request))
            return (answer.text, answer.generate_seconds) if answer is not None else ("", 0.0)

    async def _merge(self, exam: MergeExam) -> None:
        async with self._in_flight:
            chunks = [ChunkText(chunk.index, chunk.start_time, chunk.end_time, text) for chunk, text in exam.chunks]
            merged = await self._answered(
                aggregate(
                    self._engine,
                    job_id=f"merge-{exam.number}",
                    run_id=f"merge-{exam.number}",
                    prompt=PROMPT,
                    system_prompt=None,
                    aggregation_prompt=None,
                    chunks=chunks,
                    gaps=exam.gaps,
                    sampling=SAMPLING,
                    relative_times=False,
                    draw=lambda: 0.5,
                )
            )
        self._results.add_merge(exam, merged.text if merged is not None else "")

    async def _answered(self, answer: Awaitable[_T]) -> _T | None:
        try:
            return await answer
        except CodedError as error:
            self._results.add_failure(str(error))
            return None


def _make(path: Path, exam: ChunkExam) -> None:
    """The exam's video, coded more or less coarsely."""
    rng = np.random.default_rng(exam.number)
    rate = int(rng.choice(_RATES))
    encode(path, frames(exam.script, rate), fps=rate, crf=int(rng.integers(*_COARSENESS)))


def _settings(model: Path, directory: Path) -> Settings:
    values = {
        "engine": "vllm",
        "model_name": str(model.resolve()),
        "max_model_len": MAX_MODEL_LEN,
        "dtype": "float32",
        "enforce_eager": True,
        "max_num_seqs": _IN_FLIGHT,
        "max_num_batched_tokens": 4096,
        "timestamps": "absolute",
        "allowed_paths": (str(directory),),
        "log_level": "ERROR",
    }
    return load_settings(environment={}, command_line=values).settings
