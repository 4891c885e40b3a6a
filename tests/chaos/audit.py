"""The judgement: what committed readers saw, against what was asked for. Pure; each finding is a sentence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.events import Seen

EXHAUSTED = b"ATTEMPTS_EXHAUSTED"


@dataclass(frozen=True, slots=True)
class Sent:
    """A record of the jobs topic; `chunks` of its video, `poison` if it kills every process that works on it."""

    job_id: str
    partition: int
    offset: int
    value: bytes
    chunks: int
    poison: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """The engine was asked for a chunk, in the `attempt`-th start of its job."""

    job_id: str
    chunk_index: int
    attempt: int
    worker: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What the brokers know at the end: by (topic, partition) the ends, by partition the group's offset."""

    committed_ends: Mapping[tuple[str, int], int]
    ends: Mapping[tuple[str, int], int]
    offsets: Mapping[int, int]


def twice(seen: Iterable[Seen]) -> list[str]:
    """What may be said at any time: nothing is there twice."""
    places: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for one in seen:
        where = f"{one.partition}/{one.offset}"
        if one.kind == "chunk":
            places["chunk", one.event["job_id"], one.event["chunk_index"]].append(where)
        elif one.kind == "final":
            places["final result", one.event["job_id"]].append(where)
        else:
            places["dead letter", one.value].append(where)
        if one.kind != "dead":
            places["event id", one.event_id].append(where)
    return [f"{what} is there {len(at)} times: {', '.join(at)}" for what, at in places.items() if len(at) > 1]


def results(sent: Sequence[Sent], seen: Sequence[Seen]) -> list[str]:
    """At the end: each job has one final result, with exactly the chunks of the chunk topic; none is missing."""
    found = twice(seen)
    asked = {job.job_id: job for job in sent}
    chunks: dict[str, dict[int, Seen]] = defaultdict(dict)
    finals: dict[str, Seen] = {}
    for one in seen:
        if one.kind == "dead":
            continue
        job = asked.get(one.event["job_id"])
        if job is None:
            found.append(f"a {one.kind} at {one.place} is of no job that was sent: {one.event['job_id']}")
            continue
        if one.partition != job.partition or one.key != job.job_id.encode():
            found.append(f"the {one.kind} of {job.job_id} at {one.place} has not the job's partition and key")
        if one.kind == "chunk":
            chunks[job.job_id][one.event["chunk_index"]] = one
        else:
            finals[job.job_id] = one
    for job in sent:
        final = finals.get(job.job_id)
        if final is None:
            found.append(f"{job.job_id} has no final result")
        else:
            found += _final(job, final, chunks[job.job_id])
    return found


def _final(job: Sent, final: Seen, chunks: Mapping[int, Seen]) -> list[str]:
    found = []
    event = final.event
    status = "failed" if job.poison else "succeeded"
    if event["status"] != status:
        found.append(f"{job.job_id} {event['status']}, where it should have {status}")
    listed = [(one["chunk_index"], one["partition"], one["offset"]) for one in event["chunks"]]
    there = [(index, chunks[index].partition, chunks[index].offset) for index in sorted(chunks)]
    if listed != there:
        found.append(f"the final result of {job.job_id} lists {listed}, but the chunk topic has {there}")
    if not job.poison and sorted(chunks) != list(range(job.chunks)):
        found.append(f"{job.job_id} has the chunks {sorted(chunks)} of {job.chunks}")
    if any(chunk.event["run_id"] != event["run_id"] for chunk in chunks.values()):
        found.append(f"chunks of {job.job_id} are of another record's run")
    return found


def dead_letters(sent: Sequence[Sent], seen: Sequence[Seen], attempts: int) -> list[str]:
    """Exactly the poison jobs, as they were sent, after `attempts` starts at least: not all count."""
    found = []
    dead = Counter(one.value for one in seen if one.kind == "dead")
    for job in sent:
        if job.poison != bool(dead.pop(job.value, 0)):
            found.append(f"{job.job_id} {'is not' if job.poison else 'is'} among the dead letters")
    found += [f"a dead letter is no job that was sent: {value!r}" for value in dead]
    for one in seen:
        if one.kind == "dead":
            headers = dict(one.headers)
            code, start = headers.get("__dlq.errors.code"), headers.get("__dlq.errors.attempt")
            if code != EXHAUSTED or int(start or 0) <= attempts:
                found.append(f"the dead letter at {one.place} says {code!r} in start {start!r}")
    return found


def standing(sent: Sequence[Sent], group: Standing) -> list[str]:
    """All input is passed, and no transaction is open: nothing is there that committed readers do not see yet."""
    found = [
        f"{topic}/{partition} is readable to {group.committed_ends[topic, partition]} of {end}: a transaction is open"
        for (topic, partition), end in group.ends.items()
        if group.committed_ends[topic, partition] != end
    ]
    for partition, count in Counter(job.partition for job in sent).items():
        if group.offsets.get(partition) != count:
            found.append(f"the group stands at {group.offsets.get(partition)} of {count} in partition {partition}")
    return found


def computed(sent: Sequence[Sent], seen: Sequence[Seen], asked: Iterable[Asked], most: int) -> list[str]:
    """A committed chunk is not computed in a later start of its job; `most` chunks in all are computed again."""
    published = {
        (one.event["job_id"], one.event["chunk_index"]): one.event["attempt"] for one in seen if one.kind == "chunk"
    }
    asked = list(asked)
    late = {
        (one.job_id, one.chunk_index, one.attempt)
        for one in asked
        if one.attempt > published.get((one.job_id, one.chunk_index), one.attempt)
    }
    found = [f"{job}, chunk {index} was computed in start {n}, but it stood already" for job, index, n in sorted(late)]
    again = recomputed(sent, asked)
    if again > most:
        found.append(f"{again} chunks were computed again, where at most {most} were in flight when something failed")
    return found


def recomputed(sent: Sequence[Sent], asked: Iterable[Asked]) -> int:
    """How often the engine was asked for a chunk of which it had been asked before; poison asks again by intent."""
    poison = {job.job_id for job in sent if job.poison}
    counted = Counter((one.job_id, one.chunk_index) for one in asked if one.job_id not in poison)
    return sum(count - 1 for count in counted.values())
