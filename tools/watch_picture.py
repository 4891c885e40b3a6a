"""Draws docs/watch.svg: what `watch` shows in the middle of four jobs; for `make docs`."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

from consumer.cli.progress import LiveTable
from consumer.errors import ErrorCode
from consumer.events.models import (
    ChunkRef,
    ChunkResult,
    Coverage,
    ErrorInfo,
    Provenance,
    Sampling,
    Timings,
    Tokens,
    VideoResult,
)

PICTURE = Path(__file__).parents[1] / "docs" / "watch.svg"
WIDTH, HEIGHT = 112, 30
JOBS = ("talk-1", "gate-camera", "match-2", "night-drive")
CHUNK_SECONDS, STEP_SECONDS = 60.0, 58.0

# Job, number of the chunk of how many, when it was done (s), seconds that it took, text (None: it failed).
SCENE: tuple[tuple[str, int, int, float, float, str | None], ...] = (
    (
        "talk-1",
        0,
        2,
        6.1,
        4.2,
        "A woman at a lectern greets the audience; the slide behind her shows three bar charts.",
    ),
    (
        "gate-camera",
        0,
        12,
        6.9,
        4.9,
        "A white van stops at the gate at 0:31. The driver hands over a paper and drives on.",
    ),
    (
        "talk-1",
        1,
        2,
        7.0,
        4.4,
        "She answers two questions from the floor, then the hall applauds and the lights go up.",
    ),
    (
        "match-2",
        0,
        90,
        8.8,
        5.0,
        "Kick-off in red and white. The red team keeps the ball; a shot passes the post at 0:47.",
    ),
    ("gate-camera", 1, 12, 9.6, 4.8, None),
    ("match-2", 1, 90, 10.2, 4.9, "A corner from the left, headed over the bar. The white goalkeeper takes his time."),
    ("gate-camera", 2, 12, 11.3, 4.7, "Rain sets in. Two people in yellow jackets close the left wing of the gate."),
)
WORKERS = {"talk-1": "gpu-0a71-3f", "gate-camera": "gpu-0a71-3f", "match-2": "gpu-9c04-11", "night-drive": ""}


def picture() -> str:
    """The SVG, which asks for nothing from outside."""
    console = Console(
        record=True, width=WIDTH, height=HEIGHT, force_terminal=True, color_system="truecolor", file=io.StringIO()
    )
    shown = LiveTable(console, JOBS)
    for job_id, index, count, done, took, text in SCENE:
        shown.show(_chunk(job_id, index, count, done, took, text))
        if index + 1 == count:
            shown.show(_final(job_id, count))
    console.print(shown.table())
    console.print()
    svg = console.export_svg(title="video-consumer watch talk-1 gate-camera match-2 night-drive", unique_id="watch")
    # Fonts from a server of others.
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)


def _chunk(job_id: str, index: int, count: int, done: float, took: float, text: str | None) -> ChunkResult:
    message = "The frames of the chunk are damaged."
    error = ErrorInfo(code=ErrorCode.CHUNK_NO_FRAMES, message=message, retryable=False)
    return ChunkResult(
        chunk_index=index,
        start_time=STEP_SECONDS * index,
        end_time=STEP_SECONDS * index + CHUNK_SECONDS,
        success=text is not None,
        response=text,
        processing_time=took,
        job_id=job_id,
        run_id=job_id,
        num_chunks=count,
        attempt=1,
        error=None if text is not None else error,
        finish_reason="stop",
        truncated=False,
        degraded=[],
        frames=None,
        tokens=Tokens(),
        timings=Timings(),
        provenance=_provenance(job_id),
        parsed=None,
        metadata={},
        created_at=round(done * 1000),
    )


def _final(job_id: str, count: int) -> VideoResult:
    seconds = STEP_SECONDS * (count - 1) + CHUNK_SECONDS
    refs = [
        ChunkRef(
            chunk_index=index,
            start_time=STEP_SECONDS * index,
            end_time=STEP_SECONDS * index + CHUNK_SECONDS,
            success=True,
            error_code=None,
            partition=0,
            offset=index,
            event_id=None,
        )
        for index in range(count)
    ]
    return VideoResult(
        success=True,
        video_info=None,
        num_chunks=count,
        aggregated_response="A short talk on three charts, with two questions at the end.",
        total_successful_chunks=count,
        total_processing_time=6.2,
        job_id=job_id,
        run_id=job_id,
        status="succeeded",
        error=None,
        chunks=refs,
        coverage=Coverage(covered_seconds=seconds, total_seconds=seconds, gaps=[]),
        aggregation=None,
        tokens=Tokens(),
        timings=Timings(),
        attempts=1,
        provenance=_provenance(job_id),
        metadata={},
        created_at=8_000,
    )


def _provenance(job_id: str) -> Provenance:
    sampling = Sampling(max_tokens=512, temperature=0.7, top_p=0.8, top_k=20, presence_penalty=1.5, seed=None)
    return Provenance(
        model="",
        revision=None,
        quantization=None,
        engine="",
        engine_version="",
        prompt_digest="",
        sampling=sampling,
        plan_digest="",
        consumer_version="",
        worker=WORKERS[job_id],
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
