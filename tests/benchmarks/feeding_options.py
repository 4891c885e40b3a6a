"""What `feeding` is told: options, and what becomes of them."""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from consumer.settings import Settings
from tests.benchmarks.scenes import make_film


def settings_of(given: argparse.Namespace, directory: Path) -> Settings:
    return Settings.model_validate(
        {
            "model_name": given.model,
            "quantization": given.quantization,
            "dtype": "bfloat16",
            "max_model_len": given.max_model_len,
            "enforce_eager": given.eager,
            "max_num_seqs": given.running,
            "max_num_batched_tokens": given.step_tokens,
            "max_concurrent_chunks": given.in_flight,
            "gpu_memory_utilization": given.memory,
            "engine_args": json.loads(given.engine_args),
            "allowed_paths": [str(directory)],
            "decoders": given.decoders,
            "decoder_device": given.decoder_device,
            "log_level": "WARNING",
        }
    )


def parser(description: str | None) -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=description)
    found.add_argument("--model", required=True)
    found.add_argument("--model-says", default="Qwen3-VL-8B's architecture, dummy weights")
    found.add_argument("--out", type=Path, required=True)
    found.add_argument("--films", type=Path, required=True, help="directory of the files; those that are there stay")
    found.add_argument("--size", default="1920x1080")
    for name, value in {
        "chunks": 160,
        "alone": 64,
        "serial": 6,
        "on-loop": 0,
        "short": 0,
        "warm": 16,
        "jobs": 4,
    }.items():
        found.add_argument(f"--{name}", type=int, default=value)
    for name, value in {"running": 24, "in-flight": 32, "tokens": 11_400, "answer": 128, "decoders": 0}.items():
        found.add_argument(f"--{name}", type=int, default=value)
    for name, amount in {"chunk-seconds": 60.0, "file-seconds": 1200.0, "temperature": 1.0, "memory": 0.9}.items():
        found.add_argument(f"--{name}", type=float, default=amount)
    found.add_argument("--long-seconds", type=float, help="of the first file, which the long job is about")
    found.add_argument("--max-model-len", type=int, default=32_768)
    found.add_argument("--step-tokens", type=int)
    found.add_argument("--decoder-device", default="auto")
    found.add_argument("--quantization")
    found.add_argument("--eager", action="store_true")
    found.add_argument("--engine-args", default="{}", help="JSON")
    return found


def films_of(given: argparse.Namespace) -> list[Path]:
    """Two files, made side by side unless they are there."""
    given.films.mkdir(parents=True, exist_ok=True)
    lengths = {
        given.films / "film-1.mp4": given.long_seconds or given.file_seconds,
        given.films / "film-2.mp4": given.file_seconds,
    }
    missing = {path: seconds for path, seconds in lengths.items() if not path.exists()}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(make_film, missing, [given.size] * 2, missing.values()))
    return list(lengths)


def job_lengths(given: argparse.Namespace, chunks: int) -> list[int]:
    """Chunks of each job: whole files, but parts of the first ones: jobs that begin at once shall not end at once."""
    whole = int(given.file_seconds // given.chunk_seconds)
    lengths: list[int] = []
    while chunks > 0:
        longest = whole * min(len(lengths) + 1, given.jobs) // given.jobs
        lengths.append(min(max(1, longest), chunks))
        chunks -= lengths[-1]
    return lengths
