"""Which results of which jobs to hand out, and when a job is done: decisions only, no Kafka."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from consumer.client.producer import JobHandle
from consumer.events.models import ChunkResult, VideoResult

# A final result whose chunk results do not come (removed by retention, say) is not held back for longer.
GRACE_SECONDS = 10.0


@dataclass(slots=True)
class _Held:
    final: VideoResult
    partition: int
    since: float


@dataclass(slots=True)
class Following:
    """Sorts what two topics deliver side by side: a job's final result is handed out after its chunk results.

    Args:
        jobs: what to follow; None: every job.
    """

    jobs: Collection[JobHandle | str] | None
    _wanted: dict[str, set[str] | None] = field(default_factory=dict)
    _seen: dict[str, set[int]] = field(default_factory=dict)
    _held: dict[str, _Held] = field(default_factory=dict)
    _chunk_positions: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for job in self.jobs or ():
            if isinstance(job, JobHandle):
                runs = self._wanted.setdefault(job.job_id, set())
                if runs is not None:
                    runs.add(job.run_id)
            else:
                self._wanted[job] = None

    @property
    def missing(self) -> list[str]:
        """Named jobs without a final result so far."""
        return list(self._wanted)

    @property
    def done(self) -> bool:
        return self.jobs is not None and not self._wanted

    def wants(self, key: bytes | None) -> bool:
        """Whether a record with this key can concern us, told before it is decoded."""
        return self.jobs is None or (key is not None and key.decode(errors="replace") in self._wanted)

    def at(self, partition: int, position: int) -> None:
        """The chunk-results partition was read up to (excluding) this offset."""
        self._chunk_positions[partition] = max(position, self._chunk_positions.get(partition, 0))

    def chunk(self, result: ChunkResult) -> bool:
        """A chunk result came: whether to hand it out."""
        ours = self._ours(result.job_id, result.run_id)
        if ours:
            self._seen.setdefault(result.run_id, set()).add(result.chunk_index)
        return ours

    def final(self, result: VideoResult, partition: int, now: float) -> None:
        """A final result came; `released` hands it out when its chunk results have come (`now`: monotonic seconds)."""
        if self._ours(result.job_id, result.run_id):
            self._held.setdefault(result.run_id, _Held(result, partition, now))

    def released(self, now: float) -> list[VideoResult]:
        """Final results that need not wait any longer; their jobs are done."""
        ready = [held for held in self._held.values() if self._complete(held) or now - held.since > GRACE_SECONDS]
        for held in ready:
            self._forget(held.final.job_id, held.final.run_id)
        return [held.final for held in ready]

    def _forget(self, job_id: str, run_id: str) -> None:
        del self._held[run_id]
        self._seen.pop(run_id, None)
        runs = self._wanted.get(job_id)
        if runs is not None:
            runs.discard(run_id)
        if not runs:
            self._wanted.pop(job_id, None)

    def _ours(self, job_id: str, run_id: str) -> bool:
        if self.jobs is None:
            return True
        runs = self._wanted.get(job_id, set())
        return runs is None or run_id in runs

    def _complete(self, held: _Held) -> bool:
        seen = self._seen.get(held.final.run_id, set())
        # Those of a second question may lie elsewhere: they are the first job's, and were handed out with it.
        ours = [chunk for chunk in held.final.chunks if chunk.partition in (None, held.partition)]
        missing = [chunk for chunk in ours if chunk.chunk_index not in seen]
        position = self._chunk_positions.get(held.partition, 0)
        return all(chunk.offset is not None and chunk.offset < position for chunk in missing)
