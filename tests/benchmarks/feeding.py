"""`python -m tests.benchmarks.feeding --model DIR --out F.json`: does the engine ever wait for its chunks?

In one process with one engine: the time to the first answer; chunks one after another (decoded, rendered, answered);
the engine alone, fed with chunks that were rendered beforehand; the whole chain (files, decoders, rendering, engine,
result objects, through `JobRunner`); the engine alone once more. Then the chain with the rendering on the event loop,
if `--on-loop` says how many chunks, and `--short` jobs of 30 s, alone and beside one about the whole of the first file.
Needs no Kafka. Writes one JSON object and prints a table.

The files are made here: two scenes of 14 s at 1080p30 and about 6 Mbit/s, H.264, each repeated to `--file-seconds`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import psutil

from consumer.errors import VideoConsumerError
from consumer.events.models import ChunkResult, VideoJob
from consumer.inference.engine import ChunkSubject, Clip, GenerationRequest, SamplingValues
from consumer.inference.vllm_adapter import version
from consumer.inference.vllm_engine import VllmEngine
from consumer.inference.vllm_prompt import engine_prompt
from consumer.job import JobRunner
from consumer.job.run import Run
from consumer.media.chunks import Chunk
from consumer.media.frames import plan_frames
from consumer.media.library import MediaLibrary, decoder_count
from consumer.settings import Settings
from consumer.telemetry.logs import configure_logging
from consumer.telemetry.metrics import Metrics
from tests.benchmarks.feeding_options import films_of, job_lengths, parser, settings_of
from tests.benchmarks.feeding_watch import Gpu, Memory, Queue, watched
from tests.benchmarks.short_jobs import ShortJobs, comparison

READY = 4
"""Chunks that are rendered beforehand; each request names its video anew, so that nothing is answered from a cache."""

FPS = 2.0
SHORT_GAP_SECONDS = 4.0
PROMPT = "Describe what happens in this video."


class OnTheLoop(Executor):
    """Runs what it is given at once, in the event loop's own thread."""

    def submit(self, fn: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*given, **named))
        return future


class Bench:
    """One engine, started, and what it is asked."""

    def __init__(self, given: argparse.Namespace, settings: Settings, films: Sequence[Path]) -> None:
        self.given, self.settings, self.films = given, settings, films
        self.engine, self.library = VllmEngine(settings), MediaLibrary.from_settings(settings)
        self.media = self.library.open(video_url=None, video_path=str(films[0]))
        self.gpu, self.queue = Gpu(), Queue()
        self.gpu.start()
        # Without top_k and top_p, which cost a sort of the vocabulary: weights that mean nothing would repeat
        # themselves if they were asked for what is likeliest.
        self.sampling = SamplingValues(given.answer, given.temperature, 1.0, -1, 0.0, None)

    def request(self, clip: Clip, number: int) -> GenerationRequest:
        subject = ChunkSubject("bench", number)
        return GenerationRequest(uuid.uuid4().hex, PROMPT, None, clip, self.sampling, subject)

    async def clip(self, number: int) -> Clip:
        """That chunk's frames; numbers go round in the file."""
        seconds = self.given.chunk_seconds
        start = seconds * (number % int(self.media.info.duration // seconds))
        plan = plan_frames(
            Chunk(number, start, start + seconds),
            self.media.info,
            fps=FPS,
            max_frames=768,
            max_vision_tokens=self.given.tokens,
            keyframes_only=False,
        )
        sampled = await asyncio.to_thread(self.media.decode, plan)
        return Clip(sampled.pixels, sampled.times, start)

    async def one_after_another(self, chunks: int) -> dict[str, object]:
        """Nothing side by side: decode, render, answer, then the next."""
        with watched(self.gpu, self.queue) as window:
            for number in range(chunks):
                await self.engine.generate(self.request(await self.clip(number), number))
        return self._row(chunks, window.seconds, window.figures)

    async def alone(self, chunks: int) -> dict[str, object]:
        """The engine with rendered chunks at hand, as many in flight as in the chain."""
        backend = self.engine._require_backend()
        asked = [self.request(await self.clip(number), number) for number in range(READY)]
        ready = [backend.render(engine_prompt(one, self.settings.timestamps, uuid.uuid4().hex)) for one in asked]
        places, tokens = asyncio.Semaphore(self.given.in_flight), []

        async def one(number: int) -> float:
            async with places:
                rendered = backend.renamed(ready[number % READY], uuid.uuid4().hex)
                answer = await backend.generate(rendered, self.sampling, uuid.uuid4().hex)
                tokens.append((backend.video_tokens(rendered), answer.prompt_tokens, answer.completion_tokens))
                return time.monotonic()

        with watched(self.gpu, self.queue) as window:
            ends = await asyncio.gather(*(one(number) for number in range(chunks)))
        return {**self._row(chunks, window.seconds, window.figures, ends), **_tokens(tokens)}

    async def chain(self, chunks: int) -> dict[str, object]:
        """Jobs over files, `--jobs` at a time, until that many chunks are done."""
        runner = self._runner()
        ends: list[float] = []
        results: list[ChunkResult] = []
        places = asyncio.Semaphore(self.given.jobs)

        async def emit(result: ChunkResult) -> None:
            # As it would be published.
            result.model_dump_json()
            ends.append(time.monotonic())
            results.append(result)

        async def one(number: int, length: int) -> None:
            async with places:
                await runner.run(
                    self._job(number, length * self.given.chunk_seconds), Run(uuid.uuid4().hex, 1, {}), emit
                )

        lengths = job_lengths(self.given, chunks)
        with Memory(lambda: len(ends)) as memory, watched(self.gpu, self.queue) as window:
            await asyncio.gather(*(one(number, length) for number, length in enumerate(lengths)))
        runner.close()
        failed = [one.error.message for one in results if one.error is not None]
        tokens = [(one.tokens.vision, one.tokens.prompt, one.tokens.completion) for one in results]
        size = [f"{one.frames.count} frames of {one.frames.width}x{one.frames.height}" for one in results if one.frames]
        return {
            **self._row(chunks, window.seconds, window.figures, ends),
            **_tokens(tokens),
            "failed": failed[:3],
            "failures": len(failed),
            "clip": size[0] if size else "",
            "seconds_a_chunk": _stages(results),
            "memory": memory.figures(chunks),
        }

    async def chain_on_the_loop(self, chunks: int) -> dict[str, object]:
        """The chain, with the rendering in the event loop's own thread."""
        renderers, self.engine._renderers = self.engine._renderers, OnTheLoop()  # type: ignore[assignment]
        row = await self.chain(chunks)
        self.engine._renderers = renderers
        return row

    async def short_jobs(self, count: int) -> dict[str, object]:
        """Jobs of one chunk of 30 s, alone and beside one about the whole of a file."""
        runner = self._runner()

        def make(job_id: str, start: float, end: float) -> VideoJob:
            return self._job(0, end).model_copy(update={"job_id": job_id, "start_time": start})

        jobs = ShortJobs(runner, make, count, SHORT_GAP_SECONDS)
        alone = await jobs.alone()
        long = self.given.long_seconds or self.given.file_seconds
        beside, rate = await jobs.beside(long)
        runner.close()
        return {"long_job_seconds": long, **comparison(alone, beside, rate)}

    def _runner(self) -> JobRunner:
        return JobRunner(
            media=self.library, engine=self.engine, settings=self.settings, metrics=Metrics(), worker="bench"
        )

    def _job(self, number: int, end: float) -> VideoJob:
        return VideoJob(
            job_id=f"bench-{number}-{uuid.uuid4().hex[:8]}",
            video_path=str(self.films[number % len(self.films)]),
            prompt=PROMPT,
            max_tokens=self.given.answer,
            temperature=self.given.temperature,
            top_p=1.0,
            top_k=-1,
            presence_penalty=0.0,
            chunk_duration=self.given.chunk_seconds,
            chunk_overlap=0.0,
            end_time=end,
            max_vision_tokens=self.given.tokens,
            aggregate=False,
        )

    def _row(
        self, chunks: int, seconds: float, figures: dict[str, object], ends: Sequence[float] = ()
    ) -> dict[str, object]:
        """`steady_x` counts the middle half of the answers alone, without the start and the end of a run."""
        length = self.given.chunk_seconds
        row: dict[str, object] = {"chunks": chunks, "seconds": round(seconds, 2)}
        row["x_real_time"] = round(chunks * length / seconds, 2)
        if len(ends) >= 16:
            moments = sorted(ends)
            low, high = len(moments) // 4, 3 * len(moments) // 4
            row["steady_x"] = round((high - low) * length / (moments[high] - moments[low]), 2)
        return {**row, **figures}


def _tokens(tokens: Sequence[tuple[int, int, int]]) -> dict[str, object]:
    names = ("vision_tokens", "prompt_tokens", "answer_tokens")
    return {name: round(statistics.fmean(of), 1) for name, of in zip(names, zip(*tokens, strict=True), strict=True)}


def _stages(results: Sequence[ChunkResult]) -> dict[str, float]:
    names = ("fetch", "decode", "wait", "first_token", "generate")
    return {name: round(statistics.fmean(getattr(one.timings, name) for one in results), 3) for name in names}


async def measure(bench: Bench, keep: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """All rows; `keep` gets what there is after each."""
    given, found = bench.given, _conditions(bench)
    process_began = psutil.Process().create_time()
    await bench.engine.start()
    bench.queue.listen(bench.engine)
    found["start"] = {"engine_seconds": round(time.time() - process_began, 1)}
    await bench.engine.generate(bench.request(await bench.clip(0), 0))
    found["start"]["first_answer_seconds"] = round(time.time() - process_began, 1)
    # Each thread that renders makes its copy of the tokenizer, kernels are compiled, decoders have started.
    await bench.chain(given.warm)
    rows: list[tuple[str, int, Callable[[int], Awaitable[dict[str, object]]]]] = [
        ("one after another", given.serial, bench.one_after_another),
        ("engine alone", given.alone, bench.alone),
        ("chain", given.chunks, bench.chain),
        ("engine alone, again", given.alone, bench.alone),
        ("chain, rendering on the loop", given.on_loop, bench.chain_on_the_loop),
        ("short jobs beside a long one", given.short, bench.short_jobs),
    ]
    for name, chunks, run in rows:
        if chunks:
            found[name] = await run(chunks)
            keep(found)
    bench.media.close()
    bench.library.close()
    await bench.engine.stop()
    return found


def _conditions(bench: Bench) -> dict[str, Any]:
    given, settings = bench.given, bench.settings
    return {
        "card": bench.gpu.name_of_card,
        "cores": len(os.sched_getaffinity(0)),
        "decoders": decoder_count(settings),
        "vllm": version(),
        "model": given.model_says,
        "quantization": settings.quantization or settings.dtype,
        "max_num_seqs": settings.max_num_seqs,
        "max_concurrent_chunks": settings.max_concurrent_chunks,
        "gpu_memory_utilization": settings.gpu_memory_utilization,
        "chunk_seconds": given.chunk_seconds,
        "engine_args": settings.engine_args,
        "jobs_at_once": given.jobs,
        "date": time.strftime("%Y-%m-%d"),
    }


def table(found: dict[str, Any]) -> str:
    names = ("chunks", "x_real_time", "steady_x", "gpu_busy_percent", "cores")
    rows = {name: row for name, row in found.items() if isinstance(row, dict) and "x_real_time" in row}
    lines = [f"| {name} | {' | '.join(str(row.get(one, '')) for one in names)} |" for name, row in rows.items()]
    return "\n".join(["| | chunks | x real time | steady | GPU % | cores |", "|---|---|---|---|---|---|", *lines])


def main() -> None:
    given = parser(__doc__).parse_args()
    configure_logging("console", "WARNING")
    if not given.out.parent.is_dir():
        sys.exit(f"feeding: there is no directory {given.out.parent}: give a file in one that exists as --out.")

    def keep(found: dict[str, Any]) -> None:
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")

    try:
        films = films_of(given)
        found = asyncio.run(measure(Bench(given, settings_of(given, given.films), films), keep))
    except (OSError, ValueError, VideoConsumerError) as error:
        sys.exit(f"feeding: {error}")
    print(table(found), found["start"], flush=True)


if __name__ == "__main__":
    main()
