"""An engine that answers no more, though nothing else looks wrong: the process ends, and the job goes on elsewhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.benchmarks.load import ROOT, small_video, worker
from tests.integration.system import Audit, System
from tests.integration.worker_process import worker_process

ANSWERED = 2
pytestmark = pytest.mark.timeout(200)


def test_a_process_whose_engine_hangs_ends_and_the_next_one_goes_on(
    system: System, audit: Audit, short_video: str
) -> None:
    system.submit("job", partition=1, video_url=short_video, chunk_duration=5, chunk_overlap=1)
    with worker(system, "first", f"held={ANSWERED}", ENGINE_STALL_SECONDS="3") as first:
        assert first.wait(60) == 1
        log = first.records()
    (stalled,) = [one for one in log if one.get("event") == "engine_stalled"]
    assert stalled["seconds"] >= 3
    assert "run_forever" in stalled["stacks"], "where the event loop was"
    (crashed,) = [one for one in log if one.get("event") == "workers_crashed"]
    assert "ENGINE_STALL_SECONDS (3 s)" in crashed["reason"]
    audit.reader.read(0.5)
    assert {one["chunk_index"] for one in audit.chunks("job")} <= set(range(ANSWERED))
    with worker_process(system.environment(), system.directory / "next") as second:
        second.wait_ready()
        audit.wait_finals(1)
    audit.check()
    (final,) = audit.finals()
    assert (final["status"], final["attempts"]) == ("succeeded", 2)


def test_one_video_whose_engine_hangs_is_given_up_with_a_sentence() -> None:
    program = [sys.executable, "-m", "tests.benchmarks.altered", f"held={ANSWERED}", "--", "process"]
    options = ["--end-time", "20", "--chunk-duration", "5", "--engine", "synthetic", "--set", "ENGINE_STALL_SECONDS=2"]
    found = subprocess.run(
        [*program, str(small_video()), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 1, found.stderr
    assert found.stdout.count("[") >= ANSWERED, "what was described before is told"
    assert "ENGINE_STALL_SECONDS (2 s)" in found.stderr
    assert "Traceback" not in found.stderr
