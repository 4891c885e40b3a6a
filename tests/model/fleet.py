"""A few worker processes, everything that happens to them, and the auditor, as a state machine of Hypothesis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, TypeVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumer.events.models import CancelJob, VideoJob
from tests.model.auditor import Auditor
from tests.model.chances import HALF_DONE, KINDS, PARTITION, PICKS, POINTS, RESETS, SIGNALS, TROUBLES
from tests.model.cluster import Cluster
from tests.model.log import Outcome, Transaction
from tests.model.process import Process, Standing
from tests.model.recover import heal_and_finish
from tests.model.transactions import EndRequest

T = TypeVar("T")
STRANGER = object()
MOST_PROCESSES, MOST_JOBS, MOST_RESETS = 3, 6, 2
# How far a process goes at once when it does not get where it was to go.
MOST_CALLS = 25


class Fleet(RuleBasedStateMachine):
    """Everything but the last steps is chosen by Hypothesis; `teardown` heals what is broken and finishes the work."""

    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[Process] = []
        self.numbers = self.told = self.resets = 0
        self.strangers: dict[int, int] = {}
        self.cluster = Cluster(strict=True)
        self.auditor = Auditor(self.cluster)

    @initialize(
        strict=st.booleans(),
        markers_late=st.booleans(),
        kinds=st.lists(KINDS, min_size=1, max_size=3),
        stranger=st.sampled_from([None, None, 0]),
    )
    def begin(self, strict: bool, markers_late: bool, kinds: list[str], stranger: int | None) -> None:
        self.cluster = Cluster(strict=strict)
        self.cluster.transactions.markers_late = markers_late
        self.auditor = Auditor(self.cluster)
        for count, kind in enumerate(kinds):
            self.submit(count // 2, kind)
        if stranger is not None:
            self.stranger(stranger, commit=False)
        self.start()
        self.run_on(0, 30)

    @property
    def live(self) -> list[Process]:
        return [one for one in self.processes if one.alive]

    @property
    def busy(self) -> list[Process]:
        return [one for one in self.awake if one.workers.running]

    @property
    def awake(self) -> list[Process]:
        return [one for one in self.live if not one.frozen]

    @property
    def ours(self) -> list[Transaction]:
        """Transactions that are not finished; a stranger's lasts as long as it likes."""
        return [one for one in self.cluster.transactions.unfinished if one.owner is not STRANGER]

    # Jobs

    @precondition(lambda self: len(self.auditor.submitted) < MOST_JOBS)
    @rule(partition=PARTITION, kind=KINDS)
    def submit(self, partition: int, kind: str) -> None:
        job_id = f"{kind}-{'x' * len(self.auditor.submitted)}"
        job = VideoJob(job_id=job_id, video_url="s3://bucket/key", prompt="What happens?")
        value = b"garbage" if kind == "garbage" else job.model_dump_json().encode()
        offset = self.cluster.produce((self.cluster.topics.jobs, partition), value, job_id.encode())
        self.auditor.submitted[partition, offset] = job_id
        self.cluster.tell(f"{job_id} is submitted: {partition}, {offset}")

    @precondition(lambda self: self.auditor.submitted and not self.auditor.cancels)
    @rule(pick=PICKS)
    def cancel(self, pick: int) -> None:
        job_id = list(self.auditor.submitted.values())[pick % len(self.auditor.submitted)]
        self.auditor.cancels.add(job_id)
        self.cluster.tell(f"{job_id} is to be cancelled")
        request = CancelJob(job_id=job_id, created_at=self.cluster.milliseconds)
        place = self.cluster.topics.control, 0
        self.cluster.produce(place, request.model_dump_json().encode(), job_id.encode())

    # Processes

    @precondition(lambda self: len(self.live) < MOST_PROCESSES)
    @rule()
    def start(self) -> None:
        self.numbers += 1
        self.processes = [*self.live, Process(self.cluster, self.numbers, self.auditor.started)]

    @precondition(lambda self: self.awake)
    @rule(pick=PICKS, calls=st.sampled_from([1, 3, 10, 30]))
    def run_on(self, pick: int, calls: int) -> None:
        process = self._one(self.awake, pick)
        for _ in range(calls):
            if process.alive:
                process.advance()

    @precondition(lambda self: self.awake)
    @rule(pick=PICKS, point=POINTS)
    def run_to(self, pick: int, point: Standing) -> None:
        process = self._one(self.awake, pick)
        self._go_on(process, partial(_stands, process, point))

    @precondition(lambda self: self.busy)
    @rule(pick=PICKS, which=PICKS, calls=st.sampled_from([0, 0, 12]))
    def compute(self, pick: int, which: int, calls: int) -> None:
        process = self._one(self.busy, pick)
        process.workers.finish_one(which)
        if process in self.awake:
            self.run_on(self.awake.index(process), calls)

    @precondition(lambda self: self.awake)
    @rule(pick=PICKS, which=PICKS, trouble=TROUBLES)
    def disturb(self, pick: int, which: int, trouble: tuple[str, str]) -> None:
        """A request or its answer is lost, the next time that this call is made."""
        process = self._one(self.awake, pick)
        process.trouble = trouble
        self._go_on(process, lambda: process.trouble is None, finishing=which)

    @precondition(lambda self: self.live)
    @rule(pick=PICKS, signal=SIGNALS)
    def signal(self, pick: int, signal: str) -> None:
        process = self._one(self.live, pick)
        match signal:
            case "SIGKILL":
                process.kill()
            case "SIGTERM":
                process.stop()
            case _:
                process.frozen = True
        self.cluster.tell(f"{process.name} gets {signal}, {process.standing}")

    @precondition(lambda self: len(self.awake) < len(self.live))
    @rule(pick=PICKS)
    def wake(self, pick: int) -> None:
        process = self._one([one for one in self.live if one.frozen], pick)
        process.frozen = False
        self.cluster.tell(f"{process.name} wakes up")

    # The group

    @precondition(lambda self: self.cluster.group.members)
    @rule(pick=PICKS)
    def evict(self, pick: int) -> None:
        """A session times out: the member is dead, frozen, or cut off from the broker."""
        member = self._one(self.cluster.group.members, pick)
        self.cluster.tell(f"{member} is evicted")
        self.cluster.group.remove(member)

    @precondition(lambda self: len(self.cluster.group.members) > 1)
    @rule(partition=PARTITION, pick=PICKS)
    def move(self, partition: int, pick: int) -> None:
        self.cluster.group.move(partition, self._one(self.cluster.group.members, pick))

    @precondition(lambda self: self.cluster.group.offsets and self.resets < MOST_RESETS)
    @rule(partition=PARTITION, kind=RESETS, keep=st.booleans())
    def operator(self, partition: int, kind: str, keep: bool) -> None:
        """Moves the group's offset, while no member is there; `keep`: by a tool that copies the metadata string."""
        self.resets += 1
        for process in self.live:
            process.kill()
        group = self.cluster.group
        for member in list(group.members):
            group.remove(member)
        self.start()
        if partition not in group.offsets or self.cluster.pending(partition):
            return
        before, metadata = group.offsets.pop(partition)
        end = self.cluster.logs[self.cluster.topics.jobs, partition].end
        moved = {
            "earliest": 0,
            "back": max(before - 1, 0),
            "forward": min(before + 1, end),
            "latest": end,
            "nowhere": 0,
        }
        after = moved.get(kind, before)
        if kind != "nowhere":
            group.offsets[partition] = after, metadata if keep else ""
        self.cluster.tell(f"the offset of {partition} is reset: {kind}, {before} to {after}, metadata kept: {keep}")
        forgotten = after != before or kind == "nowhere" or not keep
        self.auditor.offsets_reset(partition, before, after, forgotten=forgotten)

    # The network and the brokers

    @precondition(lambda self: self.cluster.under_way)
    @rule(pick=PICKS, which=PICKS, point=HALF_DONE, crash=st.booleans())
    def late_end(self, pick: int, which: int, point: Standing, crash: bool) -> None:
        """An EndTxn that was believed lost arrives when its sender has gone on; that may be the last thing it did."""
        request = self._one(self.cluster.under_way, pick)
        senders = [one for one in self.awake if one.epochs.get(request.identity) == request.epoch]
        for sender in senders:
            self._go_on(sender, partial(_stands, sender, point), finishing=which)
        self.cluster.deliver_late(request)
        for sender in senders:
            if crash and sender.alive:
                sender.kill()

    @precondition(lambda self: any(one.outcome is not Outcome.OPEN for one in self.cluster.transactions.unfinished))
    @rule()
    def write_markers(self) -> None:
        self.cluster.transactions.settle()

    @precondition(lambda self: self.ours)
    @rule(pick=PICKS)
    def expire(self, pick: int) -> None:
        """transaction.timeout.ms is over."""
        identity = self._one(self.ours, pick).identity
        self.cluster.tell(f"the broker gives up the transaction of {identity}")
        self.cluster.transactions.expire(identity)

    @rule(partition=PARTITION, commit=st.booleans())
    def stranger(self, partition: int, commit: bool) -> None:
        """Somebody else's transaction in the chunk-results partition begins, or ends."""
        identity, transactions = f"stranger-{partition}", self.cluster.transactions
        if partition in self.strangers:
            transactions.end(EndRequest(identity, self.strangers.pop(partition), commit))
            return
        epoch = self.strangers[partition] = transactions.init(identity)
        transaction = transactions.take_part(identity, epoch, STRANGER)
        place = self.cluster.topics.chunk_results, partition
        self.cluster.write(transaction, place, self.cluster.milliseconds, None, b"?", [])
        self.cluster.tell(f"a stranger's transaction is open in partition {partition}")

    @invariant()
    def promise(self) -> None:
        type(self).steps += 1
        self.print_story()
        self.auditor.look()

    def teardown(self) -> None:
        try:
            heal_and_finish(self)
        finally:
            self.print_story()
            for process in self.live:
                process.kill()

    def _go_on(self, process: Process, there: Callable[[], bool], finishing: int | None = None) -> None:
        """With `finishing`, its workers finish something whenever it polls."""
        for _ in range(MOST_CALLS):
            if process.alive and not there():
                process.advance()
                if finishing is not None and process in self.busy and process.standing == ("poll", "before"):
                    process.workers.finish_one(finishing)

    @staticmethod
    def _one(among: Sequence[T], pick: int) -> T:
        return among[pick % len(among)]

    def print_story(self) -> None:
        """Shown with the steps of a failing example only."""
        for line in self.cluster.timeline[self.told :]:
            note(line)
        self.told = len(self.cluster.timeline)


def _stands(process: Process, point: Standing) -> bool:
    return process.standing == point
