"""What a partition's state machine asks of the I/O thread, and what it is told of the outcome."""

from __future__ import annotations

from dataclasses import dataclass

from consumer.events.models import ChunkResult, VideoResult
from consumer.stream.metadata import Progress
from consumer.stream.values import Assignment, JobRecord, Published, Rejection


@dataclass(frozen=True, slots=True)
class Pause:
    """Fetch nothing more of this partition."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Fetch again."""


@dataclass(frozen=True, slots=True)
class Seek:
    """Go on at `offset`; None: the beginning of the partition."""

    offset: int | None


@dataclass(frozen=True, slots=True)
class Fence:
    """Drop the producer, make a new one with the same transactional id, `init_transactions`, read offset and metadata.

    Answered by `Fenced`; tried again for as long as the broker is away.
    """


@dataclass(frozen=True, slots=True)
class Transact:
    """One transaction, answered by `Committed`, `broken`, or the loss of the partition.

    Args:
        record: the record in work; all that is written goes to partitions of the same number.
        offset: the input offset sent with it, `progress` its metadata.
        chunks: chunk results to write.
        published: those that stand already, for the final result's list.
        final: final result to write, or None.
        rejection: write a dead letter with this reason (and a failed final result, where the job id is known).
        attempt: which start of the job this is.
    """

    record: JobRecord
    offset: int
    progress: Progress
    chunks: tuple[ChunkResult, ...]
    published: tuple[Published, ...]
    final: VideoResult | None
    rejection: Rejection | None
    attempt: int


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Read what committed readers see of this record; from this offset of chunk-results, or None: by its timestamp."""

    record: JobRecord
    results_from: int | None


@dataclass(frozen=True, slots=True)
class Start:
    """Hand the job to the workers."""

    assignment: Assignment


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take the partition's job away from the workers, if they have it."""


@dataclass(frozen=True, slots=True)
class StopJob:
    """Ask the workers to end the partition's job early, with a final result that says `cancelled`."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Let the producer go: purge and forget, never close."""


@dataclass(frozen=True, slots=True)
class Concluded:
    """A record is finished for good (for logs and metrics)."""

    record: JobRecord
    final: VideoResult | None
    rejection: Rejection | None


@dataclass(frozen=True, slots=True)
class Exit:
    """End the process with this code."""

    code: int


Effect = Pause | Resume | Seek | Fence | Transact | ReadBack | Start | Cancel | StopJob | Drop | Concluded | Exit


@dataclass(frozen=True, slots=True)
class Fenced:
    """After fencing.

    Args:
        offset: the group's committed offset, or None where there is none.
        progress: its metadata, or None where absent or not ours.
        verify_below: uncommitted end of the jobs partition if results of earlier records may exist, else 0.
        results_end: uncommitted end of the chunk-results partition.
        doubtful: a newer offset may have been committed that the coordinator does not hand out: the log alone is true.
    """

    offset: int | None
    progress: Progress | None
    verify_below: int
    results_end: int
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Committed:
    """A transaction is durable: its metadata, and where its chunk results stand.

    `suspect`: the commit was slow or its connection broke, so the producer must not be used again.
    """

    progress: Progress
    published: tuple[Published, ...]
    wrote_final: bool
    suspect: bool
