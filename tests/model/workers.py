"""The computations of a process: chunks finish in any order, some jobs end it, cancelled ones come late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING

from consumer.errors import ErrorCode
from consumer.events.models import ChunkResult, VideoResult
from consumer.stream.values import Assignment, ChunkOutcome, Drained, JobOutcome, Outcome
from tests.unit.stream.builders import chunk, final

if TYPE_CHECKING:
    from tests.model.process import Process

Start = Callable[["Process", Assignment], None]


def chunks_of(job_id: str) -> int:
    """How many chunks a job has, by its name."""
    return 2 + len(job_id) % 2


@dataclass(eq=False, slots=True)
class Computation:
    """One job in work. `void`: cancelled, but what was being computed may still come."""

    assignment: Assignment
    todo: list[int]
    done: dict[int, ChunkResult] = field(default_factory=dict)
    stopped: bool = False
    void: bool = False


class ModelWorkers:
    """Implements `Workers`. Jobs named `poison` end the process when started, `mine` at their second chunk."""

    def __init__(self, process: Process, started: Start) -> None:
        self._process, self._started = process, started
        self.outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self.running: list[Computation] = []
        self._draining = False

    def start(self, assignment: Assignment) -> None:
        job_id = assignment.job.job_id
        self._process.cluster.tell(
            f"{self._process.name} starts {job_id}, attempt {assignment.attempt}, has {sorted(assignment.recovered)}"
        )
        others = [one for one in self.running if one.assignment.partition == assignment.partition]
        assert all(one.void for one in others), "the former work of the partition was not cancelled"
        self._started(self._process, assignment)
        if job_id.startswith("poison"):
            self._process.die()
        todo = [index for index in range(chunks_of(job_id)) if index not in assignment.recovered]
        self.running.append(Computation(assignment, todo, dict(assignment.recovered)))

    def cancel(self, partition: int, epoch: int) -> None:
        for one in self._of(partition, epoch):
            one.void = True

    def stop_job(self, partition: int, epoch: int) -> None:
        for one in self._of(partition, epoch):
            one.stopped, one.todo = True, []

    def drain(self) -> None:
        for one in self.running:
            if not one.void and one.todo:
                one.void = True
                place = one.assignment.partition, one.assignment.epoch
                self.outcomes.put(Drained(*place))

    def finish_one(self, pick: int) -> None:
        """Something that is running is finished: a chunk, or a job whose chunks are."""
        one = self.running[pick % len(self.running)]
        if one.void or not one.todo:
            self.running.remove(one)
        assignment = one.assignment
        place = assignment.partition, assignment.epoch
        if not one.todo:
            self.outcomes.put(JobOutcome(*place, _final(one)))
            return
        index = one.todo.pop(pick % len(one.todo))
        if assignment.job.job_id.startswith("mine") and index == 1:
            self._process.die()
            return
        one.done[index] = _chunk(one, index)
        self.outcomes.put(ChunkOutcome(*place, one.done[index], lambda: None))

    def _of(self, partition: int, epoch: int) -> list[Computation]:
        place = partition, epoch
        return [one for one in self.running if (one.assignment.partition, one.assignment.epoch) == place]


def _chunk(one: Computation, index: int) -> ChunkResult:
    job_id, attempt = one.assignment.job.job_id, one.assignment.attempt
    made = chunk(index, job_id=job_id, num_chunks=chunks_of(job_id), attempt=attempt)
    return made.model_copy(update={"run_id": one.assignment.run_id})


def _final(one: Computation) -> VideoResult:
    job_id = one.assignment.job.job_id
    code = ErrorCode.CANCELLED if one.stopped else None
    made = final(chunks_of(job_id), job_id=job_id, status="cancelled" if one.stopped else "succeeded", code=code)
    chunks = [reference for reference in made.chunks if reference.chunk_index in one.done]
    return made.model_copy(update={"run_id": one.assignment.run_id, "chunks": chunks})
