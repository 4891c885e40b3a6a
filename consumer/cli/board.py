"""What is known of jobs from their results so far: counts, speed, time left (pure; times are passed in)."""

from __future__ import annotations

from dataclasses import dataclass, field

from consumer.events.models import ChunkResult, VideoResult

MOST_JOBS = 2_000
"""Kept in memory; of more than that the oldest finished ones are forgotten."""


@dataclass(slots=True)
class JobRow:
    """One job.

    Args:
        planned: its chunks, once a result tells.
        spans: the source seconds of its chunks by their number, failed ones included.
        described: seconds of video in chunks that succeeded, shared ones counted once.
        began, latest: when its first chunk was begun and the last one done, by the worker's clock, s since the epoch.
        heard: when that came here, s of the monotonic clock.
    """

    job_id: str
    planned: int | None = None
    spans: dict[int, tuple[float, float]] = field(default_factory=dict)
    good: set[int] = field(default_factory=set)
    described: float = 0.0
    began: float = 0.0
    latest: float = 0.0
    heard: float = 0.0
    worker: str = ""
    run_id: str = ""
    final: VideoResult | None = None

    @property
    def state(self) -> str:
        if self.final is not None:
            return self.final.status
        if not self.spans:
            return "waiting"
        return "running" if len(self.spans) < (self.planned or 0) else "answering"

    @property
    def done(self) -> int:
        return max(len(self.spans), len(self.final.chunks)) if self.final is not None else len(self.spans)

    @property
    def failures(self) -> int:
        if self.final is not None and self.final.chunks:
            return sum(not chunk.success for chunk in self.final.chunks)
        return len(self.spans) - len(self.good)

    @property
    def factor(self) -> float | None:
        """Seconds of video a second of work; None where nothing is known."""
        if self.final is not None and self.final.coverage is not None and self.final.total_processing_time > 0:
            return self.final.coverage.covered_seconds / self.final.total_processing_time
        took = self.latest - self.began
        return self.described / took if took > 0 and self.described else None

    def left(self, now: float) -> float | None:
        """Seconds until the last chunk will be done if the others take as long; 0: any moment; None: nobody knows.

        Args:
            now: seconds of the monotonic clock.
        """
        if self.state != "running" or self.planned is None:
            return None
        each = (self.latest - self.began) / len(self.spans)
        return max(0.0, each * (self.planned - len(self.spans)) - (now - self.heard))

    def add(self, chunk: ChunkResult, now: float) -> None:
        """A chunk result came at `now` (s of the monotonic clock)."""
        if chunk.run_id != self.run_id:
            # The same id was submitted again: the later record counts.
            self.run_id, self.final = chunk.run_id, None
            self.spans, self.good, self.described, self.began = {}, set(), 0.0, 0.0
        made = chunk.created_at / 1000
        begun = made - chunk.processing_time
        self.began = min(self.began, begun) if self.spans else begun
        self.latest, self.heard = max(self.latest, made), now
        self.planned, self.worker = chunk.num_chunks, chunk.provenance.worker
        if chunk.success and chunk.chunk_index not in self.good:
            self.described += self._new_seconds(chunk)
            self.good.add(chunk.chunk_index)
        self.spans[chunk.chunk_index] = (chunk.start_time, chunk.end_time)

    def end(self, final: VideoResult) -> None:
        """The final result came."""
        self.final, self.planned = final, final.num_chunks
        if final.provenance is not None:
            self.worker = final.provenance.worker

    def _new_seconds(self, chunk: ChunkResult) -> float:
        """Of the chunk's seconds those that no neighbour has described."""
        seconds = chunk.end_time - chunk.start_time
        if chunk.chunk_index - 1 in self.good:
            seconds -= max(0.0, self.spans[chunk.chunk_index - 1][1] - chunk.start_time)
        if chunk.chunk_index + 1 in self.good:
            seconds -= max(0.0, chunk.end_time - self.spans[chunk.chunk_index + 1][0])
        return max(0.0, seconds)


class Board:
    """All jobs that are shown, in the order in which they were named or came."""

    def __init__(self) -> None:
        self._rows: dict[str, JobRow] = {}

    def row(self, job_id: str) -> JobRow:
        """The job's row; a new one where there is none yet."""
        if job_id not in self._rows:
            self._make_room()
            self._rows[job_id] = JobRow(job_id)
        return self._rows[job_id]

    def take(self, event: ChunkResult | VideoResult, now: float) -> JobRow:
        """A result came at `now` (s of the monotonic clock); returns its job's row."""
        row = self.row(event.job_id)
        if isinstance(event, ChunkResult):
            row.add(event, now)
        else:
            row.end(event)
        return row

    def shown(self, most: int) -> list[JobRow]:
        """At most so many rows: running jobs before waiting ones before finished ones, the latest of these."""
        rows = list(self._rows.values())
        if len(rows) <= most:
            return rows
        running = [row for row in rows if row.final is None and row.spans]
        waiting = [row for row in rows if row.final is None and not row.spans]
        finished = [row for row in rows if row.final is not None]
        chosen = {row.job_id for row in [*running, *waiting, *reversed(finished)][:most]}
        return [row for row in rows if row.job_id in chosen]

    @property
    def counts(self) -> dict[str, int]:
        """How many jobs are in each state, in the order of a job's life."""
        order = ("waiting", "running", "answering", "succeeded", "partial", "cancelled", "failed")
        states = [row.state for row in self._rows.values()]
        return {state: states.count(state) for state in order if state in states}

    def _make_room(self) -> None:
        if len(self._rows) >= MOST_JOBS:
            old = next((row.job_id for row in self._rows.values() if row.final is not None), None)
            self._rows.pop(old or next(iter(self._rows)))
