"""The state machine over a pure log: crashes, lost answers and re-assignments at every step lose and double nothing.

The log keeps what a committed transaction wrote, and the group's offset with its metadata, both or neither. A step of
the schedule says what happens to the next effect: it works, the process dies before or after it, or its answer is lost.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.stream import effects as do
from consumer.stream import machine
from consumer.stream.machine import Phase, State
from consumer.stream.metadata import Progress, decode, encode
from consumer.stream.values import Assignment, Published
from tests.unit.stream.builders import chunk, final, job, record

NUM_JOBS, NUM_CHUNKS, MAX_ATTEMPTS = 3, 3, 1000


@dataclass
class Log:
    """What committed readers see, and the group's offset."""

    chunks: list[tuple[int, int]] = field(default_factory=list)  # (record offset, chunk index)
    finals: list[int] = field(default_factory=list)
    offset: int | None = None
    metadata: str = ""

    def commit(self, transact: do.Transact) -> tuple[Published, ...]:
        start = len(self.chunks)
        self.chunks += [(transact.record.offset, one.chunk_index) for one in transact.chunks]
        if transact.final is not None:
            self.finals.append(transact.record.offset)
        self.offset, self.metadata = transact.offset, encode(transact.progress, transact.offset)
        return tuple(Published(one, 3, start + place) for place, one in enumerate(transact.chunks))

    def read_back(self, wanted: do.ReadBack) -> tuple[tuple[Published, ...], bool]:
        begin = wanted.results_from or 0
        found = tuple(
            Published(chunk(index, num_chunks=NUM_CHUNKS), 3, place)
            for place, (offset, index) in enumerate(self.chunks)
            if offset == wanted.record.offset and place >= begin
        )
        return found, wanted.results_from is None and wanted.record.offset in self.finals


class Process:
    """One life of a worker: the state machine, and a computation that delivers chunks in the order of the schedule."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.position, self.fetching = 0, False
        self.assignment: Assignment | None = None
        self.todo: list[int] = []
        self.computed: Counter[tuple[int, int]] = Counter()
        self.state: State
        self.queue: list[do.Effect] = []
        self.follow(machine.assigned(3, 1, MAX_ATTEMPTS))

    def follow(self, step: machine.Step) -> None:
        self.state, effects = step
        self.queue += effects

    def turn(self, fate: str, pick: int) -> bool:
        """Carry out one effect, or let the workers or the log deliver something; False when all is done."""
        if self.queue:
            self.carry_out(self.queue.pop(0), fate)
        elif self.state.phase is Phase.IDLE and self.fetching:
            if self.position >= NUM_JOBS:
                return False
            self.position += 1
            self.fetching = False
            self.follow(machine.arrived(self.state, record(self.position - 1), job()))
        elif self.assignment is not None and self.todo:
            index = self.todo.pop(pick % len(self.todo))
            self.computed[self.position - 1, index] += 1
            self.follow(machine.computed(self.state, (chunk(index, num_chunks=NUM_CHUNKS),)))
        elif self.assignment is not None:
            self.assignment = None
            self.follow(machine.concluded(self.state, final(NUM_CHUNKS)))
        return True

    def carry_out(self, effect: do.Effect, fate: str) -> None:
        match effect:
            case do.Transact():
                if fate == "lost request":
                    self.follow(machine.broken(self.state, fenced_out=False))
                    return
                published = self.log.commit(effect)
                if fate == "lost answer":
                    self.follow(machine.broken(self.state, fenced_out=False))
                    return
                done = do.Committed(effect.progress, published, effect.final is not None, fate == "slow answer")
                self.follow(machine.committed(self.state, done))
            case do.Fence():
                log = self.log
                known = None if log.offset is None else decode(log.metadata, log.offset)
                below = NUM_JOBS if log.chunks or log.finals else 0
                self.follow(machine.fenced(self.state, do.Fenced(log.offset, known, below, len(log.chunks))))
            case do.ReadBack():
                found, finished = self.log.read_back(effect)
                self.follow(machine.recovered(self.state, found, finished=finished))
            case do.Seek(offset):
                self.position = offset or 0
            case do.Resume():
                self.fetching = True
            case do.Pause():
                self.fetching = False
            case do.Start(assignment):
                self.assignment = assignment
                self.todo = [index for index in range(NUM_CHUNKS) if index not in assignment.recovered]
            case do.Cancel():
                self.assignment, self.todo = None, []


FATES = st.sampled_from(
    ["lost request", "lost answer", "slow answer", "crash", "crash after", "reset", "reset by copying"]
)
# After so many undisturbed steps this happens; the last number says which chunk is finished first.
TROUBLES = st.lists(st.tuples(st.integers(0, 30), FATES, st.integers(0, 5)), min_size=1, max_size=12)


@settings(max_examples=400, deadline=None)
@given(TROUBLES)
def test_each_chunk_and_each_final_once_whatever_happens(troubles: list[tuple[int, str, int]]) -> None:
    log = Log()
    process = Process(log)
    crashes, computed = 0, Counter[tuple[int, int]]()
    for undisturbed, fate, pick in [*troubles, (5_000, "works", 0)]:
        for _ in range(undisturbed):
            if not process.turn("works", pick):
                break
        if fate not in ("crash", "crash after", "reset", "reset by copying"):
            process.turn(fate, pick)
            continue
        if fate == "crash after":
            process.turn("works", pick)
        if fate == "reset":
            # An operator resets the group to the earliest offset while no member is there.
            log.offset, log.metadata = 0, ""
        if fate == "reset by copying":
            # The same by a tool that keeps the metadata string.
            log.offset = 0
        crashes += 1
        computed += process.computed
        process = Process(log)
    computed += process.computed
    everything = [(offset, index) for offset in range(NUM_JOBS) for index in range(NUM_CHUNKS)]
    assert sorted(log.chunks) == everything
    assert sorted(log.finals) == list(range(NUM_JOBS))
    assert log.offset == NUM_JOBS
    assert sum(computed.values()) - len(everything) <= crashes * NUM_CHUNKS, "only what was not committed is computed"


def test_the_model_notices_a_chunk_transaction_whose_metadata_is_forgotten() -> None:
    """The proof is tested, too: without the list of chunks in the metadata a crash doubles them."""
    log = Log()
    process = Process(log)
    while len(log.chunks) < 2:
        process.turn("works", 0)
    assert log.offset is not None
    forgotten = decode(log.metadata, log.offset)
    assert forgotten is not None
    log.metadata = encode(replace(forgotten, done=frozenset(), verify_below=0), log.offset)
    process = Process(log)
    while process.turn("works", 0):
        pass
    assert len(log.chunks) > NUM_JOBS * NUM_CHUNKS


def test_idle_metadata_is_what_the_machine_says_at_the_end() -> None:
    log = Log()
    process = Process(log)
    while process.turn("works", 0):
        pass
    assert log.offset == NUM_JOBS
    assert decode(log.metadata, NUM_JOBS) == Progress()
