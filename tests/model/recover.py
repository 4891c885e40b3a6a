"""The end of every example: everything heals, one process is left, and it must finish all work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.model.process import Process

if TYPE_CHECKING:
    from tests.model.fleet import Fleet

MOST_CALLS = 6_000
_CALLS_BETWEEN_LOOKS = 12


def heal_and_finish(fleet: Fleet) -> None:
    """The one that is left is, if there is any, a process to which much has happened, not a fresh one.

    The brokers' own time-out of open transactions does not come to its help: it would delay the work by half a minute.
    """
    cluster = fleet.cluster
    for request in list(cluster.under_way):
        cluster.deliver_late(request)
    for partition in list(fleet.strangers):
        fleet.stranger(partition, commit=True)
    survivor = next(iter(fleet.awake or fleet.live), None)
    for process in fleet.live:
        process.frozen, process.trouble = False, None
        if process is not survivor:
            process.kill()
            if process.member is not None:
                cluster.group.remove(process.member)
    for member in list(cluster.group.members):
        if survivor is None or member != survivor.member:
            cluster.group.remove(member)
    cluster.tell(f"everything heals, {survivor.name if survivor else 'nobody'} is left")
    for count in range(MOST_CALLS):
        if survivor is None or not survivor.alive:
            if survivor is not None and survivor.member is not None:
                cluster.group.remove(survivor.member)
            fleet.start()
            survivor = fleet.processes[-1]
        survivor.advance()
        if count % _CALLS_BETWEEN_LOOKS == 0:
            if survivor.alive and survivor.workers.running:
                survivor.workers.finish_one(count)
            elif _quiet(fleet, survivor):
                break
    fleet.auditor.at_the_end()
    for partition, end in _ends(fleet).items():
        offset, _ = cluster.group.offsets.get(partition, (0, ""))
        assert offset == end, f"the offset of {partition} stays at {offset}, its end is {end}"


def _quiet(fleet: Fleet, survivor: Process) -> bool:
    group = fleet.cluster.group
    fleet.cluster.transactions.settle()
    return not fleet.cluster.transactions.unfinished and all(
        group.offsets.get(partition, (0, ""))[0] == end for partition, end in _ends(fleet).items()
    )


def _ends(fleet: Fleet) -> dict[int, int]:
    topics = fleet.cluster.topics
    return {partition: fleet.cluster.logs[topics.jobs, partition].end for partition in fleet.cluster.group.owner}
