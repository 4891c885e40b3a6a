"""A job whose worker left in the middle of it, what may befall it then, and the next worker."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.integration.system import Audit, System
from tests.integration.worker_process import WorkerProcess, wait_until, worker_process

PARTITION = 1
CHUNKS = 5


def submit(system: System, job_id: str, video: str) -> int:
    return system.submit(job_id, partition=PARTITION, video_url=video, chunk_duration=5, chunk_overlap=1)[1]


@contextmanager
def worker(system: System, name: str, **settings: str) -> Iterator[WorkerProcess]:
    with worker_process(system.environment(**settings), system.directory / name) as process:
        yield process.wait_ready(90)


def half_finished(system: System, audit: Audit, video: str, job_id: str = "half") -> set[int]:
    """A job whose worker left after some of its chunks were committed; returns their indexes."""
    submit(system, job_id, video)
    with worker(system, "first", SYNTHETIC_SECONDS_PER_CHUNK="1.0", MAX_CONCURRENT_CHUNKS="1") as process:
        wait_until(lambda: audit.reader.read(0.1) and len(audit.chunks(job_id)) >= 2, seconds=60, what="two chunks")
        leave_at_once(process)
    audit.reader.read(0.5)
    done = {one["chunk_index"] for one in audit.chunks(job_id)}
    assert 2 <= len(done) < CHUNKS
    return done


def leave_at_once(process: WorkerProcess) -> None:
    """Two SIGTERMs: nothing in work is waited for, and the group need not wait for a session to end."""
    process.signal(signal.SIGTERM)
    wait_until(lambda: "draining" in process.log.read_text(), seconds=20, what="the first signal is seen")
    process.signal(signal.SIGTERM)
    assert process.wait() == 0


def set_offset(system: System, offset: int, metadata: str | None = None) -> None:
    """As an operator does while no member is there."""
    admin = AdminClient({"bootstrap.servers": system.bootstrap})
    place = TopicPartition(system.topics.jobs, PARTITION, offset)
    if metadata is not None:
        place = TopicPartition(system.topics.jobs, PARTITION, offset, metadata)
    (answer,) = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(system.group, [place])]).values()
    assert answer.result(10).topic_partitions[0].error is None


def finish(system: System, audit: Audit, jobs: int = 1, **settings: str) -> dict[str, float]:
    """A new worker does what is left; returns its counters."""
    with worker(system, "next", **settings) as process:
        audit.wait_finals(jobs, seconds=90)
        wait_until(lambda: process.metric("jobs_in_progress") == 0, seconds=30, what="nothing is in work")
        names = ("recovered_chunks_total", "recomputed_chunks_total")
        figures = {name: process.metric(name) for name in names}
        figures["computed"] = process.metric("chunks_total", status="succeeded")
        leave_at_once(process)
    audit.check()
    return figures


def event_ids(audit: Audit) -> list[bytes]:
    found = [one for one in audit.reader.messages if one.topic() == audit.topics.chunk_results]
    return [dict(cast(list[tuple[str, bytes]], one.headers() or []))["ce_id"] for one in found]
