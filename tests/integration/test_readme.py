"""The README's producer and consumer, and the commands of a first job, run as they stand."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import Page
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


def test_the_commands_of_a_first_job_run_as_they_stand(system: System, short_video_file: Path, tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    shutil.copy(short_video_file, tmp_path / "recordings" / "a.mp4")
    environment = {**os.environ, **system.environment(), "LOG_LEVEL": "ERROR", "CHUNK_DURATION": "20"}
    ran, job_id = [], "none yet"
    with worker_process(system.environment(CHUNK_DURATION="20"), system.directory / "log") as worker:
        worker.wait_ready()
        for page in (ROOT / "README.md", ROOT / "docs" / "first-job.md"):
            for line in Page(page).commands:
                words = shlex.split(line, comments=True)
                if words[0] != "video-consumer" or words[1] == "run":
                    continue
                # The two names that stand for the reader's own.
                named = [job_id if word in ("JOB", "talk-1") else word for word in words[1:]]
                done = subprocess.run(
                    [sys.executable, "-m", "consumer.cli.main", *named],
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=90,
                )
                assert done.returncode == 0, f"{line}: {done.stderr}"
                if words[1] == "submit":
                    job_id = done.stdout.strip()
                ran.append(words[1])
    assert set(ran) == {"check", "submit", "results"}
    for name in ("report.html", "talk.html", "talk.md", "talk.srt"):
        assert "chunk_index" in (tmp_path / name).read_text().replace("\\", ""), "what the synthetic engine says"


def test_the_guarantee_stands_in_the_exact_words() -> None:
    text = " ".join((ROOT / "README.md").read_text().split())
    assert (
        "For each record of the jobs topic, a `read_committed` reader sees **every chunk result exactly once and "
        "exactly one final result**, whatever crashes, rebalances or is redelivered. Only chunks whose transaction "
        "had not committed are computed again. Not covered: the same job submitted as two records (two jobs); readers "
        "with `read_uncommitted`; results removed by retention before a resume (recomputed, under the same event ids); "
        "brokers that lose acknowledged data." in text
    )
