"""Follows jobs step by step: each step waits a little, and hands out what came."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from consumer.client.following import Following
from consumer.client.problems import WaitTimeoutError
from consumer.client.reader import Line, ResultReader
from consumer.events.models import ChunkResult, VideoResult

STEP_SECONDS = 0.2

Result = ChunkResult | VideoResult
Decode = Callable[[str, bytes], Result]


class Follower:
    """A reader of two topics, and what it reads for; a context manager.

    Args:
        decode: makes the event of a topic's value.
        chunk_topic: the other one holds final results.
        timeout: seconds in all, from now on; None: without a limit.
    """

    def __init__(
        self, reader: ResultReader, following: Following, decode: Decode, chunk_topic: str, timeout: float | None
    ) -> None:
        self._reader, self._following = reader, following
        self._decode, self._chunk_topic = decode, chunk_topic
        self._timeout = timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout

    @property
    def done(self) -> bool:
        """Whether every job that was named has its final result."""
        return self._following.done

    def step(self, seconds: float = STEP_SECONDS) -> list[Result]:
        """What came within so many seconds; often nothing.

        Raises:
            KafkaUnavailableError: the cluster refuses this client.
        """
        return self._take(self._reader.poll(seconds))

    def require_time(self) -> None:
        """Raises WaitTimeoutError where the time is over before all named jobs were done."""
        if self._deadline is not None and time.monotonic() > self._deadline and not self.done:
            raise WaitTimeoutError(_overdue(self._following.missing, self._timeout or 0.0))

    def close(self) -> None:
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, line: Line | None) -> list[Result]:
        now, handed = time.monotonic(), list[Result]()
        if line is not None:
            topic, partition = line.place
            if line.value is not None and self._following.wants(line.key):
                event = self._decode(topic, line.value)
                if isinstance(event, VideoResult):
                    self._following.final(event, partition, now)
                elif self._following.chunk(event):
                    handed.append(event)
            if topic == self._chunk_topic:
                self._following.at(partition, line.offset + (line.value is not None))
        return [*handed, *self._following.released(now)]


def _overdue(job_ids: list[str], seconds: float) -> str:
    if not job_ids:
        return f"The {seconds:g} s are over."
    named = ", ".join(job_ids[:3]) + (f" and {len(job_ids) - 3} more" if len(job_ids) > 3 else "")
    return (
        f"There is no final result of {named} after {seconds:g} s; a job that was submitted goes on, and "
        "`video-consumer watch` follows it."
    )
