"""The README's producer and consumer, run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.system import Audit, System
from tests.integration.worker_process import worker_process

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(200)


def example(name: str) -> str:
    """The Python block that follows the README's marker."""
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found, f"the README has no example called {name}"
    return found.group(1)


def run(code: str, environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_job_by_the_readme_s_producer_is_read_by_its_consumer(system: System, audit: Audit, short_video: str) -> None:
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": system.bootstrap,
        "JOBS_TOPIC": system.topics.jobs,
        "CHUNKS_TOPIC": system.topics.chunk_results,
        "RESULTS_TOPIC": system.topics.results,
        "VIDEO_URL": short_video,
    }
    job_id = run(example("producer"), environment).strip()
    with worker_process(system.environment(EVENT_FORMAT="avro"), system.directory / "log") as worker:
        worker.wait_ready()
        printed = run(example("consumer"), environment, job_id).splitlines()
    assert printed[0].startswith("0-"), printed
    assert job_id in printed[0], "the synthetic engine's answer names the job"
    assert printed[-1].startswith("succeeded: "), printed


def test_the_guarantee_stands_in_the_exact_words() -> None:
    text = " ".join((ROOT / "README.md").read_text().split())
    assert (
        "For each record of the jobs topic, a `read_committed` reader sees **every chunk result exactly once and "
        "exactly one final result**, whatever crashes, rebalances or is redelivered. Only chunks whose transaction "
        "had not committed are computed again. Not covered: the same job submitted as two records (two jobs); readers "
        "with `read_uncommitted`; results removed by retention before a resume (recomputed, under the same event ids); "
        "brokers that lose acknowledged data." in text
    )
