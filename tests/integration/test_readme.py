"""The README's producer and consumer, and the commands of a first job, run as they stand."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import confluent_kafka
import pytest

from consumer.events.codec import EventCodec
from consumer.events.models import ChunkResult, VideoResult
from tests.documents import Page
from tests.integration.system import Audit, System
from tests.integration.worker_process import worker_process
from tests.unit.stream.builders import chunk, final

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


class Message:
    """A record as the README's consumer asks for it."""

    def __init__(self, topic: str, key: str, event: ChunkResult | VideoResult) -> None:
        self._topic, self._key, self._value = topic, key.encode(), EventCodec("avro").encode(event, topic)

    def topic(self) -> str:
        return self._topic

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes:
        return self._value

    def error(self) -> None:
        """There is none."""


def test_the_readme_s_consumer_waits_for_chunks_behind_the_final_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two topics are read side by side; the order within each is all that holds."""
    chunks, results = "video.chunk-results", "video.results"
    records: list[Message | None] = [
        Message(chunks, "other", chunk(0, job_id="other")),
        Message(results, "other", final(1, job_id="other")),
        Message(chunks, "job", chunk(1, num_chunks=2)),
        Message(results, "job", final(2)),
        None,
        Message(chunks, "job", chunk(0, num_chunks=2)),
    ]
    consumer = SimpleNamespace(subscribe=lambda _: None, poll=lambda _: records.pop(0), close=lambda: None)
    monkeypatch.setattr(confluent_kafka, "Consumer", lambda _: consumer)
    monkeypatch.setattr(sys, "argv", ["read.py", "job"])
    monkeypatch.chdir(ROOT)
    exec(example("consumer"), {})  # noqa: S102 - our own README
    starts = [line.partition("-")[0] for line in capsys.readouterr().out.splitlines()]
    assert (starts[:2], len(starts), records) == (["58", "0"], 3, [])


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
