"""What a new owner does with a half-finished job, whatever happened to the log and to the group's offset meanwhile."""

from __future__ import annotations

import json
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.integration.system import Audit, System
from tests.integration.worker_process import WorkerProcess, wait_until, worker_process

PARTITION = 1
CHUNKS = 5
pytestmark = pytest.mark.timeout(300)


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


@pytest.mark.parametrize(
    "metadata",
    [None, '{"v":99,"at":0,"run":"x"}', "\x01\x7f" * 200],
    ids=["absent", "newer", "noise"],
)
def test_without_usable_metadata_the_log_is_asked(
    system: System, audit: Audit, short_video: str, metadata: str | None
) -> None:
    done = half_finished(system, audit, short_video)
    set_offset(system, 0, metadata)
    figures = finish(system, audit)
    assert (figures["recovered_chunks_total"], figures["computed"]) == (len(done), CHUNKS - len(done))
    assert audit.finals()[0]["status"] == "succeeded"


def test_metadata_of_another_offset_is_not_believed(system: System, audit: Audit, short_video: str) -> None:
    """A tool that resets a group and keeps its strings: idle metadata over a finished job."""
    submit(system, "done", short_video)
    finish(system, audit)
    offset, metadata = system.committed_offsets()[PARTITION]
    assert offset == 1
    set_offset(system, 0, metadata.rstrip("\0"))
    submit(system, "new", short_video)
    figures = finish(system, audit, jobs=2)
    assert figures["computed"] == CHUNKS, "the new job's, and none of the old one's"


def test_an_operator_s_reset_to_the_beginning_does_nothing_twice(
    system: System, audit: Audit, short_video: str
) -> None:
    submit(system, "one", short_video)
    submit(system, "two", short_video)
    finish(system, audit, jobs=2)
    done = half_finished(system, audit, short_video, "three")
    set_offset(system, 0)
    figures = finish(system, audit, jobs=3)
    assert (figures["recovered_chunks_total"], figures["computed"]) == (2 * CHUNKS + len(done), CHUNKS - len(done))
    assert system.committed_offsets()[PARTITION][0] == 3


def test_a_reset_forwards_leaves_out_what_it_jumps_over(system: System, audit: Audit, short_video: str) -> None:
    done = half_finished(system, audit, short_video)
    submit(system, "after", short_video)
    set_offset(system, 1)
    with worker(system, "next"):
        audit.wait_finals(1, seconds=90)
    audit.reader.read(1.0)
    assert [one["job_id"] for one in audit.finals()] == ["after"]
    assert len(audit.chunks("half")) == len(done), "what was published stays, nothing is added"
    assert len(audit.chunks("after")) == CHUNKS


def test_chunks_that_retention_removed_are_computed_again_under_the_same_ids(
    system: System, audit: Audit, short_video: str
) -> None:
    done = half_finished(system, audit, short_video)
    before = event_ids(audit)
    admin = AdminClient({"bootstrap.servers": system.bootstrap})
    place = TopicPartition(system.topics.chunk_results, PARTITION, -1)  # up to the end
    (answer,) = admin.delete_records([place]).values()
    answer.result(10)
    with worker(system, "next") as process:
        audit.wait_finals(1, seconds=90)
        assert process.metric("recovered_chunks_total") == 0
        assert process.metric("chunks_total", status="succeeded") == CHUNKS
    (final,) = audit.finals()
    assert final["status"] == "succeeded"
    assert [one["chunk_index"] for one in final["chunks"]] == list(range(CHUNKS))
    again = event_ids(audit)[len(before) :]
    assert len(again) == CHUNKS
    assert set(before) < set(again), f"{len(done)} chunks were published anew, each under its id"


def test_a_stranger_s_open_transaction_hides_nothing(system: System, audit: Audit, short_video: str) -> None:
    """Committed chunks behind it are not yet readable: recovery waits for them, and computes none of them again."""
    stranger = Producer(
        {
            "bootstrap.servers": system.bootstrap,
            "transactional.id": f"stranger-{uuid.uuid4().hex[:8]}",
            "transaction.timeout.ms": 60_000,
        }
    )
    stranger.init_transactions(20)
    stranger.begin_transaction()
    stranger.produce(system.topics.chunk_results, b"not ours", partition=PARTITION)
    assert stranger.flush(20) == 0
    submit(system, "half", short_video)
    slow = {"SYNTHETIC_SECONDS_PER_CHUNK": "1.0", "MAX_CONCURRENT_CHUNKS": "1"}
    with worker(system, "killed", **slow) as process:
        wait_until(lambda: process.metric("chunks_total", status="succeeded") >= 2, seconds=60, what="two chunks")
        wait_until(lambda: committed_chunks(system) >= 2, seconds=60, what="two committed chunks")
        process.signal(signal.SIGKILL)
        process.wait()
    audit.reader.read(1.0)
    assert audit.chunks() == [], "the open transaction holds them back from committed readers"
    committed = committed_chunks(system)
    with worker(system, "next") as process:
        wait_until(lambda: "recovering" in process.log.read_text(), seconds=90, what="it looks for chunks")
        assert process.metric("chunks_total", status="succeeded") == 0
        released = threading.Timer(2.0, stranger.abort_transaction, (20,))
        released.start()
        audit.wait_finals(1, seconds=90)
        released.join()
        assert process.metric("recovered_chunks_total") == committed
        assert process.metric("chunks_total", status="succeeded") == CHUNKS - committed
    audit.check()


def committed_chunks(system: System) -> int:
    """How many chunks the group's metadata calls committed."""
    text = system.committed_offsets().get(PARTITION, (0, ""))[1].rstrip("\0")
    done: str = json.loads(text)["done"] if text else ""
    spans = [span.partition("-") for span in done.split(",") if span]
    return sum(int(last or first) - int(first) + 1 for first, _, last in spans)


def test_an_aborted_tail_and_its_control_records_are_read_over(system: System, audit: Audit, short_video: str) -> None:
    """The partition then ends with records that no committed reader ever gets: waiting for the last one would hang."""
    done = half_finished(system, audit, short_video)
    other = Producer({"bootstrap.servers": system.bootstrap, "transactional.id": f"other-{uuid.uuid4().hex[:8]}"})
    other.init_transactions(20)
    for _ in range(3):
        other.begin_transaction()
        other.produce(system.topics.chunk_results, b"aborted", partition=PARTITION)
        assert other.flush(20) == 0
        other.abort_transaction(20)
    figures = finish(system, audit)
    assert (figures["recovered_chunks_total"], figures["computed"]) == (len(done), CHUNKS - len(done))


def test_other_settings_of_the_next_worker_change_no_job_that_was_begun(
    system: System, audit: Audit, short_video: str
) -> None:
    system.submit("half", partition=PARTITION, video_url=short_video)
    length: dict[str, str] = {"CHUNK_DURATION": "5", "CHUNK_OVERLAP": "1"}
    slow = {"SYNTHETIC_SECONDS_PER_CHUNK": "1.0", "MAX_CONCURRENT_CHUNKS": "1", **length}
    with worker(system, "killed", **slow) as process:
        audit.wait_chunks(2)
        leave_at_once(process)
    finish(system, audit, CHUNK_DURATION="7", CHUNK_OVERLAP="2")
    (final,) = audit.finals()
    assert (final["status"], final["num_chunks"]) == ("succeeded", CHUNKS)
    assert {one["provenance"]["plan_digest"] for one in audit.chunks()} == {final["provenance"]["plan_digest"]}


def test_a_video_that_was_replaced_meanwhile_is_never_mixed(
    system: System, audit: Audit, uploads: Any, short_video_file: Any
) -> None:
    name = f"{uuid.uuid4().hex[:8]}.mp4"
    data = short_video_file.read_bytes()
    address = uploads.put(name, data)
    done = half_finished(system, audit, address)
    # Bytes behind the last box: the same pictures in a file that is not the same.
    uploads.put(name, data + b"\0\0\0\x08free")
    finish(system, audit)
    (final,) = audit.finals()
    assert (final["status"], final["error"]["code"]) == ("partial", "SOURCE_CHANGED")
    assert sorted(one["chunk_index"] for one in final["chunks"]) == sorted(done)
