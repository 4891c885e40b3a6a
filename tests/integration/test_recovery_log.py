"""What a new owner does with a half-finished job, whatever happened to the log of chunk results meanwhile."""

from __future__ import annotations

import json
import signal
import threading
import uuid

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from tests.integration.half_finished import (
    CHUNKS,
    PARTITION,
    event_ids,
    finish,
    half_finished,
    leave_at_once,
    submit,
    worker,
)
from tests.integration.system import Audit, System
from tests.integration.worker_process import WorkerProcess, wait_until, worker_process

pytestmark = pytest.mark.timeout(300)


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


def test_chunks_that_compaction_removed_are_computed_again_under_the_same_ids(
    system: System, audit: Audit, short_video: str
) -> None:
    """Of all records with a job's key it leaves the last: no policy for this topic, but someone may have set it."""
    done = half_finished(system, audit, short_video)
    before = event_ids(audit)
    compact(system)
    with worker_process(system.environment(), system.directory / "refused") as refused:
        assert refused.wait() == 4
        assert f"{system.topics.chunk_results} has cleanup.policy=compact" in refused.log.read_text()
    alter(system, **{"cleanup.policy": "delete"})
    with worker(system, "next") as process:
        audit.wait_finals(1, seconds=90)
        assert process.metric("recovered_chunks_total") == 1
        assert process.metric("chunks_total", status="succeeded") == CHUNKS - 1
    again = event_ids(audit)[len(before) :]
    assert len(again) == CHUNKS - 1
    assert set(before) - set(again) == {before[-1]}, f"of {len(done)} chunks all but the last one were published anew"
    later = Audit(system)
    later.wait_finals(1)
    later.check()
    assert later.finals()[0]["status"] == "succeeded"
    assert len(later.chunks()) == CHUNKS
    later.close()


def test_a_chunk_that_a_newer_version_wrote_is_waited_for(system: System, audit: Audit, short_video: str) -> None:
    """Its schema is not known here: to take it for missing would publish it twice."""
    half_finished(system, audit, short_video)
    last = next(one for one in reversed(audit.reader.messages) if one.topic() == system.topics.chunk_results)
    newer = json.loads(last.value() or b"") | {"chunk_index": CHUNKS - 1, "of_a_newer_version": True}
    producer = Producer({"bootstrap.servers": system.bootstrap})
    producer.produce(
        system.topics.chunk_results, json.dumps(newer), last.key(), partition=PARTITION, headers=last.headers()
    )
    assert producer.flush(20) == 0
    system.submit("beside", partition=PARTITION + 1, video_url=short_video)
    with worker(system, "older") as process:
        audit.wait_finals(1, seconds=90)
        wait_until(lambda: failed_readings(process) >= 3, seconds=60, what="it tries again and again")
        assert not [one for one in process.records() if one.get("event") == "engine_asked" and one["job_id"] == "half"]
        leave_at_once(process)
    assert [one["job_id"] for one in audit.finals()] == ["beside"]
    offset, metadata = system.committed_offsets()[PARTITION]
    assert (offset, json.loads(metadata.rstrip("\0"))["attempt"]) == (0, 2), "it is one start, however often it reads"


def failed_readings(process: WorkerProcess) -> int:
    records = (one for one in process.records() if one.get("event") == "read_back_failed")
    return sum("of_a_newer_version" in one["reason"] for one in records)


def compact(system: System) -> None:
    """Have the broker remove all of the job's chunk results but the last one."""
    alter(system, **{"cleanup.policy": "compact", "segment.ms": "1", "min.cleanable.dirty.ratio": "0.0"})
    # The segment that is written to is never compacted: the next record begins a new one.
    other = Producer({"bootstrap.servers": system.bootstrap, "transactional.id": f"other-{uuid.uuid4().hex[:8]}"})
    other.init_transactions(20)

    def gone() -> bool:
        other.begin_transaction()
        other.produce(system.topics.chunk_results, b"aborted", key=b"other", partition=PARTITION)
        assert other.flush(20) == 0
        other.abort_transaction(20)
        seen = Audit(system)
        seen.reader.read(0.5)
        chunks = seen.chunks()
        seen.close()
        return len(chunks) == 1

    wait_until(gone, seconds=90, what="one chunk result is left", every=0.5)


def alter(system: System, **config: str) -> None:
    """Set these of the chunk-results topic's settings."""
    admin = AdminClient({"bootstrap.servers": system.bootstrap})
    entries = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in config.items()]
    topic = ConfigResource(ConfigResource.Type.TOPIC, system.topics.chunk_results, incremental_configs=entries)
    (answer,) = admin.incremental_alter_configs([topic]).values()
    answer.result(20)

    def told() -> bool:
        (described,) = admin.describe_configs([ConfigResource(topic.restype, topic.name)]).values()
        found = described.result(20)
        return all(found[name].value == value for name, value in config.items())

    wait_until(told, seconds=20, what="the broker has the settings")


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
