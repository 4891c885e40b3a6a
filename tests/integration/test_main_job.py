"""The main job, end to end: real Kafka, real MinIO, real H.264, the consumer in a process of its own."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import fastavro
import pytest

from tests.integration.system import Audit, System
from tests.integration.worker_process import WorkerProcess, wait_until, worker_process

SCHEMAS = Path(__file__).parents[2] / "schemas"
pytestmark = pytest.mark.timeout(600)


def avro_job(job: dict[str, Any]) -> bytes:
    """A job in Avro's single-object encoding, made with fastavro and the schema file alone."""
    schema = fastavro.parse_schema(json.loads((SCHEMAS / "video-job.avsc").read_text()))
    canonical = fastavro.schema.to_parsing_canonical_form(schema)
    fingerprint = bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema, job)
    return b"\xc3\x01" + fingerprint + body.getvalue()


def test_a_ten_minute_video_gives_eleven_chunks_and_one_final_in_each_format(
    system: System, audit: Audit, ten_minutes: str, registry: Any, console_consumer: Callable[[str], list[str]]
) -> None:
    job: dict[str, Any] = {"prompt": "What happens?", "video_url": ten_minutes, "fps": 0.5}
    by_registry = struct.pack(">bI", 0, registry.schema_id) + avro_job({"job_id": "registry", **job})[10:]
    system.submit("json", **job)
    system.produce(avro_job({"job_id": "single-object", **job}), key="single-object")
    system.produce(by_registry, key="registry")
    with worker_process(system.environment(SCHEMA_REGISTRY_URL=registry.url), system.directory / "log") as worker:
        worker.wait_ready()
        audit.wait_finals(3, seconds=300)
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    audit.check()
    assert {one["job_id"] for one in audit.finals()} == {"json", "single-object", "registry"}
    for final in audit.finals():
        assert final["status"] == "succeeded"
        assert final["num_chunks"] == len(audit.chunks(final["job_id"])) == 11
        assert final["video_info"]["width"] == 1920
        assert final["video_info"]["has_audio"] is True
        assert final["video_info"]["duration"] == pytest.approx(600, abs=0.5)
        assert final["coverage"]["gaps"] == []
    for chunk in audit.chunks():
        said = json.loads(chunk["response"])
        assert said["chunk_index"] == chunk["chunk_index"]
        assert said["job_id"] == chunk["job_id"]
        times = said["times"]
        assert chunk["start_time"] <= times[0] < times[-1] <= chunk["end_time"]
    assert all(offset > 0 for offset, _ in system.committed_offsets().values())
    _others_see_the_same(system, audit, console_consumer)
    for job_id in ("json", "single-object", "registry"):
        ours = _results(system, job_id)
        assert ours["chunk_results"] == by_index(audit.chunks(job_id))


def _others_see_the_same(system: System, audit: Audit, console_consumer: Callable[[str], list[str]]) -> None:
    """Kafka's own console consumer, and kcat where it is installed, in committed mode."""
    readers = [console_consumer]
    if kcat := shutil.which("kcat"):
        readers.append(partial(_read_with_kcat, kcat, system.bootstrap))
    for read in readers:
        chunks = [json.loads(line) for line in read(system.topics.chunk_results)]
        finals = [json.loads(line) for line in read(system.topics.results)]
        assert by_index(chunks) == by_index(audit.chunks())
        assert sorted(finals, key=str) == sorted(audit.finals(), key=str)


def _read_with_kcat(kcat: str, bootstrap: str, topic: str) -> list[str]:
    command = [kcat, "-b", bootstrap, "-C", "-t", topic, "-e", "-q", "-X", "isolation.level=read_committed"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()


def _results(system: System, job_id: str) -> Any:
    """`video-consumer results`, as a user calls it."""
    program = str(Path(sys.executable).with_name("video-consumer"))
    done = subprocess.run(
        [program, "results", job_id, "--json"],
        env={**os.environ, **system.environment()},
        cwd=system.directory,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def by_index(chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(chunks, key=lambda one: (one["job_id"], one["chunk_index"]))


def test_after_sigkill_only_the_unfinished_chunks_are_computed_again(
    system: System, audit: Audit, ten_minutes: str
) -> None:
    system.submit("killed", video_url=ten_minutes, fps=0.2)
    slow = system.environment(SYNTHETIC_SECONDS_PER_CHUNK="1.0", MAX_CONCURRENT_CHUNKS="2")
    with worker_process(slow, system.directory / "first") as first:
        first.wait_ready()
        audit.wait_chunks(4)
        first.signal(signal.SIGKILL)
        first.wait()
    before = {one["chunk_index"] for one in _settled(audit)}
    assert 4 <= len(before) < 11
    with worker_process(system.environment(), system.directory / "second") as second:
        second.wait_ready(90)
        audit.wait_finals(1, seconds=120)
        recovered = second.metric("recovered_chunks_total")
    audit.check()
    (final,) = audit.finals()
    assert final["status"] == "succeeded"
    assert final["attempts"] == 2
    assert len(audit.chunks()) == 11
    assert {one["chunk_index"] for one in audit.chunks() if one["attempt"] == 2} == set(range(11)) - before
    assert recovered == len(before)
    asked_first, asked_again = _asked(first), _asked(second)
    assert set(asked_again) == set(range(11)) - before, "of the finished chunks none was asked again"
    assert set((asked_first + asked_again).values()) <= {1, 2}
    again = asked_first & asked_again
    assert len(again) <= 2, "no more than were in the engine when it was killed"


def _asked(worker: WorkerProcess) -> Counter[int]:
    """How often the engine was asked for each chunk, by the log."""
    records = [one for one in worker.records() if one.get("event") == "engine_asked"]
    return Counter(one["chunk_index"] for one in records if one["chunk_index"] is not None)


def _settled(audit: Audit) -> list[dict[str, Any]]:
    audit.reader.read(2.0)
    return audit.chunks()


def test_two_workers_share_and_one_hands_over(system: System, audit: Audit, short_video: str) -> None:
    jobs = 24
    environment = system.environment(SYNTHETIC_SECONDS_PER_CHUNK="0.3", SHUTDOWN_GRACE_SECONDS="10")
    with (
        worker_process(environment, system.directory / "first") as first,
        worker_process(environment, system.directory / "second") as second,
    ):
        first.wait_ready()
        second.wait_ready()
        wait_until(lambda: _partitions(first) and _partitions(second), seconds=30, what="both have partitions")
        for number in range(jobs):
            system.submit(
                f"job-{number}",
                video_url=short_video,
                chunk_duration=5,
                chunk_overlap=1,
                partition=number % system.partitions,
            )
        wait_until(lambda: len(_workers(audit)) == 2, seconds=60, what="both had a share of the work")
        first.signal(signal.SIGTERM)
        assert first.wait() == 0
        audit.wait_finals(jobs, seconds=120)
    audit.check()
    assert len(audit.finals()) == jobs
    assert {one["status"] for one in audit.finals()} == {"succeeded"}
    assert sum(offset for offset, _ in system.committed_offsets().values()) >= jobs


def _workers(audit: Audit) -> set[str]:
    """Which workers have committed a chunk by now."""
    audit.reader.read(0.1)
    return {one["provenance"]["worker"] for one in audit.chunks()}


def _partitions(worker: WorkerProcess) -> set[int]:
    assigned: set[int] = set()
    for record in worker.records():
        if record.get("event") == "assigned":
            assigned |= set(record["partitions"])
        elif record.get("event") in ("revoked", "lost"):
            assigned -= set(record["partitions"])
    return assigned


def test_a_second_sigterm_does_not_wait_and_the_next_worker_finishes(
    system: System, audit: Audit, short_video: str
) -> None:
    system.submit("slow", video_url=short_video, chunk_duration=5, chunk_overlap=1)
    slow = system.environment(SYNTHETIC_SECONDS_PER_CHUNK="60", SHUTDOWN_GRACE_SECONDS="300")
    with worker_process(slow, system.directory / "first") as first:
        first.wait_ready()
        wait_until(lambda: _asked(first), seconds=30, what="the engine is asked")
        assert "slow" in first.get("/jobs")[1]
        first.signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            first.process.wait(2)
        first.signal(signal.SIGTERM)
        assert first.wait(20) == 0
    with worker_process(system.environment(), system.directory / "second") as second:
        second.wait_ready()
        audit.wait_finals(1)
    audit.check()
    assert audit.finals()[0]["status"] == "succeeded"
