"""The values that travel between the partition state machine, the I/O thread and the workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self, cast

from consumer.errors import ErrorCode
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from consumer.events.traceparent import TraceParent, trace_parent

if TYPE_CHECKING:
    from confluent_kafka import Message

Headers = tuple[tuple[str, bytes | None], ...]


def received_headers(message: Message) -> list[tuple[str, bytes | None]]:
    """A received message's headers; their values are bytes, whatever the library's types allow for."""
    return cast(list[tuple[str, bytes | None]], message.headers() or [])


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One record of the jobs topic, as received; `timestamp` in milliseconds since the epoch, -1 when it has none."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @classmethod
    def of(cls, message: Message) -> Self:
        """The record in a message of the input consumer."""
        kind, timestamp = message.timestamp()
        return cls(
            topic=message.topic() or "",
            partition=message.partition() or 0,
            offset=message.offset() or 0,
            timestamp=timestamp if kind else -1,
            key=message.key(),
            value=message.value(),
            headers=tuple(received_headers(message)),
        )

    @property
    def parent(self) -> TraceParent | None:
        """The trace that it belongs to, if its producer names one."""
        return trace_parent(self.headers)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a record goes to the dead letters; `stage` names the room in which it ended."""

    code: ErrorCode
    message: str
    job_id: str | None
    stage: str


@dataclass(frozen=True, slots=True)
class Published:
    """A chunk result that committed readers see, and where it stands."""

    result: ChunkResult
    partition: int
    offset: int

    def without_text(self) -> Published:
        """The same without the model's answer, which may be long."""
        slim = self.result.model_copy(update={"response": None, "parsed": None, "metadata": {}})
        return Published(slim, self.partition, self.offset)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Work handed to the workers: a job, which try it is, what earlier tries published already, and its trace."""

    partition: int
    epoch: int
    job: VideoJob
    run_id: str
    attempt: int
    recovered: Mapping[int, ChunkResult] = field(default_factory=dict)
    parent: TraceParent | None = None


class Acknowledge(Protocol):
    """Called once, from the I/O thread, when a chunk result has been committed."""

    def __call__(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ChunkOutcome:
    """A chunk is computed."""

    partition: int
    epoch: int
    result: ChunkResult
    acknowledge: Acknowledge


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """A job is computed; its chunk outcomes came before. `span` is that of its run, if spans are made."""

    partition: int
    epoch: int
    result: VideoResult
    span: TraceParent | None = None


@dataclass(frozen=True, slots=True)
class Drained:
    """The workers were told to start nothing new, and this job's running chunks are finished."""

    partition: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Crash:
    """The workers met a bug or a dead engine: the process must end, its jobs resume elsewhere."""

    error: BaseException


Outcome = ChunkOutcome | JobOutcome | Drained | Crash


class Workers(Protocol):
    """Who computes jobs. No call blocks; all may come from the I/O thread."""

    def start(self, assignment: Assignment) -> None:
        """Begin; outcomes arrive in the queue that both sides share."""
        ...

    def cancel(self, partition: int, epoch: int) -> None:
        """Stop that work, if it runs; outcomes that still come carry the old epoch and are dropped."""
        ...

    def stop_job(self, partition: int, epoch: int) -> None:
        """End that job early, if it runs; its outcome is a final result with the status `cancelled`."""
        ...

    def drain(self) -> None:
        """Start no further chunk; running ones may finish."""
        ...
