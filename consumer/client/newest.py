"""Which record of the jobs topic an id means: its newest, as sent again from the dead letters, say (pure)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from consumer.client.producer import JobHandle
from consumer.client.reader import Line


def newest_records(lines: Iterable[Line], job_ids: Collection[str]) -> dict[str, JobHandle]:
    """By job id, where its newest record stands; without the ids of which there is none.

    Args:
        lines: of the jobs topic, each partition in its order, the partitions in any.
    """
    wanted = {job_id.encode(): job_id for job_id in job_ids}
    newest: dict[str, JobHandle] = {}
    for line in lines:
        job_id = wanted.get(line.key) if line.key is not None and line.value is not None else None
        if job_id is None:
            continue
        found = JobHandle(job_id, *line.place, line.offset, line.timestamp)
        known = newest.get(job_id)
        # In one partition the later one is the newer, whatever the clocks of their producers say.
        if known is None or known.partition == found.partition or known.timestamp <= found.timestamp:
            newest[job_id] = found
    return newest
