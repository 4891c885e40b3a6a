"""Films in the store, the worker that is asked about them, and how its answers are held against the scripts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from minio import Minio as Client

from consumer.demo.model_path import demo_model
from consumer.demo.run import AGGREGATION_PROMPT, PROMPT
from consumer.demo.score import compare, tellable
from consumer.demo.sentences import Event, parse
from consumer.demo.settings import CHUNK_TOKENS, ENVIRONMENT, FPS
from tests.integration.films import Film
from tests.integration.system import Audit, System
from tests.integration.worker_process import WorkerProcess

ROOT = Path(__file__).parents[2]
CHUNK_SECONDS, OVERLAP_SECONDS = 12, 2
SHOWN_AFTER = 0.35
"""Seconds from an event to the stamp of the pair of frames that shows it first: the mean of 0.1 and 0.6 s after it."""

NEAR = 0.11


@dataclass(frozen=True)
class Stage:
    """The lender, where it works, and the films in the store with their addresses."""

    system: System
    audit: Audit
    lender: WorkerProcess
    directory: Path
    films: dict[str, tuple[Film, str]]

    def submit(self, job_id: str, name: str, partition: int, **fields: Any) -> None:
        film, url = self.films[name]
        self.system.submit(job_id, partition=partition % self.system.partitions, **job(film, url, **fields))

    def told(self, job_id: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The chunks in their order, and the final result, of a job that is done."""
        (final,) = self.audit.finals(job_id)
        return sorted(self.audit.chunks(job_id), key=lambda one: int(one["chunk_index"])), final


def settings(system: System, **changes: str) -> dict[str, str]:
    """What a user would export to run the small model."""
    return system.environment(
        ENGINE="vllm",
        MODEL_NAME=str(demo_model()),
        MAX_MODEL_LEN="8192",
        MAX_NUM_BATCHED_TOKENS="2048",
        MAX_CONCURRENT_JOBS=str(system.partitions),
        DTYPE="float32",
        ENFORCE_EAGER="true",
        TIMESTAMPS="absolute",
        LOG_LEVEL="INFO",
        PYTHONPATH=str(ROOT),
        **ENVIRONMENT,
        **changes,
    )


def job(film: Film, url: str, **fields: Any) -> dict[str, Any]:
    """The demo's job, about a film in the store."""
    return {
        "video_url": url,
        "prompt": PROMPT,
        "aggregation_prompt": AGGREGATION_PROMPT,
        "max_tokens": 1024,
        "temperature": 0.0,
        "presence_penalty": 0.0,
        "chunk_duration": CHUNK_SECONDS,
        "chunk_overlap": OVERLAP_SECONDS,
        "fps": FPS,
        "max_vision_tokens": CHUNK_TOKENS,
        **film.fields,
        **fields,
    }


def mistakes(text: str, events: Sequence[Event]) -> int:
    """Events that are left out, lines that tell none, and times that are not of the frames that show it first."""
    answer = parse(text)
    shown = [replace(event, time=event.time + SHOWN_AFTER) for event in events]
    _, pairs = compare(answer.told, shown)
    right = sum(event is not None and told is not None and abs(event.time - told.time) < NEAR for event, told in pairs)
    return len(pairs) - right + len(answer.other)


def events(film: Film, start: float = 0.0, end: float = float("inf")) -> list[Event]:
    """What frames between two moments of the source show, at its times."""
    moved = [replace(event, time=event.time + film.start) for event in film.script.events]
    return tellable(moved, start, end, FPS)


def worker(system: System, word: str, directory: Path, log: str, **changes: str) -> WorkerProcess:
    """One that lends its engine, or borrows that of another."""
    command = [sys.executable, "-m", "tests.integration.lent_engine", word, str(directory)]
    return WorkerProcess(settings(system, TMPDIR=str(directory), **changes), system.directory / log, command)


def put(client: Client, system: System, name: str, film: Film) -> tuple[Film, str]:
    """Make a film and put it into the store."""
    path = system.directory / f"{name}.{film.suffix}"
    film.make(path)
    client.fput_object(system.bucket, f"real/{path.name}", str(path))
    return film, f"s3://{system.bucket}/real/{path.name}"
