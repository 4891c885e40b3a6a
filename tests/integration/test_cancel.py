"""`video-consumer cancel`, as a user calls it, on jobs that run, wait, are done, or were never there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.system import Audit, System
from tests.integration.worker_process import wait_until, worker_process

pytestmark = pytest.mark.timeout(200)


def cancel(system: System, *jobs: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("video-consumer")), "cancel", *jobs],
        env={**os.environ, **system.environment()},
        cwd=system.directory,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_cancelled_job_keeps_what_was_finished_and_the_partition_goes_on(
    system: System, audit: Audit, short_video: str
) -> None:
    def submit(job_id: str, **fields: float) -> None:
        system.submit(job_id, partition=2, video_url=short_video, chunk_duration=5, chunk_overlap=1, **fields)

    slow = {"SYNTHETIC_SECONDS_PER_CHUNK": "1.0", "MAX_CONCURRENT_CHUNKS": "1"}
    with worker_process(system.environment(**slow), system.directory / "log") as worker:
        worker.wait_ready()
        submit("done")
        audit.wait_finals(1)
        submit("running")
        submit("waiting")
        submit("after")
        wait_until(lambda: audit.wait_chunks(7), seconds=30, what="two chunks of the running job")
        asked = time.time()
        sent = cancel(system, "running", "waiting", "done", "never-there")
        assert (sent.returncode, sent.stdout, sent.stderr) == (0, "", "")
        audit.wait_finals(4, seconds=90)
        submit("waiting")
        audit.wait_finals(5, seconds=90)
    audit.reader.read(1.0)
    ends: dict[str, list[str]] = {}
    for final in audit.finals():
        ends.setdefault(final["job_id"], []).append(final["status"])
    assert ends == {
        "done": ["succeeded"],
        "running": ["cancelled"],
        "waiting": ["cancelled", "succeeded"],
        "after": ["succeeded"],
    }
    (running,) = audit.finals("running")
    kept = sorted(one["chunk_index"] for one in audit.chunks("running"))
    assert [one["chunk_index"] for one in running["chunks"]] == kept
    assert 2 <= len(kept) < 5
    assert running["error"]["code"] == "CANCELLED"
    assert running["coverage"]["gaps"], "it says which seconds are missing"
    assert running["created_at"] / 1000 - asked < 5, "within seconds of the command, its own start included"
    assert audit.finals("waiting")[0]["chunks"] == []
    assert audit.dead_letters() == [], "a wish that was fulfilled is no dead letter"


def test_a_request_outlives_the_worker_that_had_the_job(system: System, audit: Audit, short_video: str) -> None:
    system.submit("long", partition=0, video_url=short_video, chunk_duration=5, chunk_overlap=1)
    slow = {"SYNTHETIC_SECONDS_PER_CHUNK": "2.0", "MAX_CONCURRENT_CHUNKS": "1"}
    with worker_process(system.environment(**slow), system.directory / "first") as first:
        first.wait_ready()
        audit.wait_chunks(1)
        first.kill()
    assert cancel(system, "long").returncode == 0
    with worker_process(system.environment(**slow), system.directory / "second") as second:
        second.wait_ready(60)
        audit.wait_finals(1, seconds=60)
        assert second.metric("chunks_total", status="succeeded") == 0
    audit.check()
    (final,) = audit.finals()
    assert (final["status"], final["attempts"]) == ("cancelled", 2)
    assert len(final["chunks"]) == len(audit.chunks()) >= 1


def test_what_can_be_no_job_id_is_told_at_once(system: System) -> None:
    refused = cancel(system, "no spaces please")
    assert refused.returncode == 2
    assert "job_id" in refused.stderr
