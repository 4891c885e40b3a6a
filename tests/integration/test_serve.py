"""`serve --local` as a user starts it: RunPod's own SDK, real HTTP, a real file, the synthetic engine."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.worker_process import wait_until
from tests.media.videos import make_video

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `video` lies in a directory that it may read."""

    process: subprocess.Popen[str]
    url: str
    video: Path
    log: Path

    def post(self, path: str, body: Any) -> Any:
        response = httpx.post(f"{self.url}{path}", json=body, timeout=60)
        assert response.status_code == 200, response.text
        return response.json()

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.url}{path}", timeout=60).json()

    @property
    def probes(self) -> str:
        """The address of the probes, which the log tells."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        (line,) = [line for line in lines if "probes_listening" in line]
        found = re.search(r"port\W+(\d+)", line)
        assert found, line
        return f"http://127.0.0.1:{found[1]}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(
    folder: Path, port: int, log: Path, *settings: str, program: Sequence[str] = ("consumer.cli.main",)
) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", *program, "serve", "--local", "--host", "127.0.0.1", "--port", str(port)]
    # Slow enough to be caught at work, two chunks at a time.
    slow = ["SYNTHETIC_SECONDS_PER_CHUNK=0.3", "MAX_CONCURRENT_CHUNKS=2", "HTTP_HOST=127.0.0.1", "HTTP_PORT=0"]
    given = ["--engine", "synthetic"]
    for assignment in [f"ALLOWED_PATHS={folder}", *slow, *settings]:
        given += ["--set", assignment]
    # A file: a pipe that nobody reads would stop the server once it is full.
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with log.open("w", encoding="utf-8") as errors:
        return subprocess.Popen(
            [*command, *given], stdout=subprocess.PIPE, stderr=errors, text=True, cwd=folder, env=environment
        )


def _wait_until_open(process: subprocess.Popen[str], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the server ended with {process.returncode}: {log.read_text(encoding='utf-8')}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(f"the server did not listen within {START_SECONDS} s")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("videos")
    video = make_video(folder / "a.mp4", frames=100, fps=10)
    port = _free_port()
    log = folder / "server.log"
    process = _start(folder, port, log)
    try:
        _wait_until_open(process, port, log)
        yield Server(process, f"http://127.0.0.1:{port}", video, log)
    finally:
        process.kill()
        process.communicate()


def test_runsync_answers_in_the_originals_form(server: Server) -> None:
    fields = {
        "video_path": str(server.video),
        "prompt": "What happens?",
        "max_tokens": 512,
        "temperature": 0.7,
        "top_p": 0.8,
        "top_k": 20,
        "chunk_duration": 4.0,
        "aggregate": True,
    }
    answer = server.post("/runsync", {"input": fields})
    assert answer["status"] == "COMPLETED", answer
    output = answer["output"]
    assert output["success"] is True
    assert {"width", "height", "fps", "duration", "total_frames"} <= set(output["video_info"])
    assert output["num_chunks"] == output["total_successful_chunks"] == len(output["chunk_results"]) == 4
    for index, chunk in enumerate(output["chunk_results"]):
        assert (chunk["chunk_index"], chunk["success"]) == (index, True)
        assert json.loads(chunk["response"])["chunk_index"] == index
        assert chunk["processing_time"] > 0
    assert json.loads(output["aggregated_response"])["chunks"] == 4
    assert output["total_processing_time"] > 0
    assert output["job_id"] == answer["id"]


def test_run_and_status(server: Server) -> None:
    begun = server.post("/run", {"input": {"video_path": str(server.video), "aggregate": False}})
    assert begun["status"] == "IN_PROGRESS"
    answer = server.post(f"/status/{begun['id']}", None)
    assert answer["status"] == "COMPLETED"
    assert (answer["output"]["num_chunks"], answer["output"].get("aggregated_response")) == (1, None)


def test_a_request_at_work_is_seen_and_cancelled(server: Server) -> None:
    import concurrent.futures

    begun = server.post("/run", {"input": {"video_path": str(server.video), "chunk_duration": 1, "chunk_overlap": 0}})
    before = server.get("/health")
    assert before["jobs"]["inQueue"] == 1
    assert before["workers"] == {"idle": 1, "running": 0}
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.post, f"/status/{begun['id']}", None)
        wait_until(lambda: server.get("/health")["workers"]["running"], seconds=20, what="the request is in work")
        (job,) = httpx.get(f"{server.probes}/jobs").json()["jobs"]
        assert (job["request_id"], job["job_id"]) == (begun["id"], begun["id"])
        assert server.post(f"/cancel/{begun['id']}", None) == {"id": begun["id"], "status": "CANCELLED"}
        ended = answer.result(30)
    assert (ended["status"], ended["error"]) == ("FAILED", "CANCELLED: The request was cancelled.")
    after = server.get("/health")
    assert (after["jobs"]["inProgress"], after["jobs"]["failed"]) == (0, before["jobs"]["failed"] + 1)
    unknown = server.post(f"/cancel/{begun['id']}", None)
    assert (unknown["status"], unknown["error"]) == ("FAILED", "Job ID not found")


def test_a_request_that_waits_is_cancelled(server: Server) -> None:
    begun = server.post("/run", {"input": {"video_path": str(server.video)}})
    assert server.post(f"/cancel/{begun['id']}", None)["status"] == "CANCELLED"
    assert server.post(f"/status/{begun['id']}", None)["error"] == "Job ID not found"


def test_probes_and_metrics(server: Server) -> None:
    assert httpx.get(f"{server.probes}/readyz").json() == {"status": "ready", "missing": [], "parts": {"engine": True}}
    assert {httpx.get(f"{server.probes}/{page}").status_code for page in ("healthz", "startupz")} == {200}
    assert "video_consumer_chunks_total" in httpx.get(f"{server.probes}/metrics").text


def test_requests_side_by_side_each_get_their_own_answer(server: Server) -> None:
    import concurrent.futures

    def ask(number: int) -> Any:
        return server.post("/runsync", {"input": {"video_path": str(server.video), "job_id": f"job-{number}"}})

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    for number, answer in enumerate(answers):
        chunk = answer["output"]["chunk_results"][0]
        assert chunk["job_id"] == json.loads(chunk["response"])["job_id"] == f"job-{number}"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"prompt": "What?"}, "input: exactly one of video_url and video_path must be given."),
        ({"video_url": "s3://a/b", "max_tokns": 5}, "input.max_tokns is no field of a job."),
        ({"video_url": "s3://a/b", "top_p": 7}, "input.top_p: Input should be less than or equal to 1."),
    ],
)
def test_a_bad_request_is_one_sentence_that_names_the_field(
    server: Server, fields: dict[str, Any], sentence: str
) -> None:
    answer = server.post("/runsync", {"input": fields})
    assert (answer["status"], answer["error"]) == ("FAILED", sentence)


def test_a_source_that_may_not_be_read_or_is_not_there(server: Server) -> None:
    refused = server.post("/runsync", {"input": {"video_path": "/etc/hostname"}})
    assert (refused["status"], refused["error"].split(":")[0]) == ("FAILED", "SOURCE_REFUSED")
    missing = server.post("/runsync", {"input": {"video_path": str(server.video.with_name("b.mp4"))}})
    assert (missing["status"], missing["error"].split(":")[0]) == ("FAILED", "SOURCE_NOT_FOUND")


def test_when_the_engine_hangs_the_request_fails_and_the_server_ends(server: Server, tmp_path: Path) -> None:
    port, log = _free_port(), tmp_path / "hanging.log"
    hanging = ("tests.benchmarks.altered", "held=1", "--")
    process = _start(server.video.parent, port, log, "ENGINE_STALL_SECONDS=2", program=hanging)
    try:
        _wait_until_open(process, port, log)
        other = Server(process, f"http://127.0.0.1:{port}", server.video, log)
        answer = other.post("/runsync", {"input": {"video_path": str(server.video), "chunk_duration": 4.0}})
        assert answer["status"] == "FAILED", answer
        assert answer["error"].startswith("ENGINE_DIED: The engine made no progress for ENGINE_STALL_SECONDS (2 s)")
        assert process.wait(START_SECONDS) == 1
    finally:
        process.kill()
        process.communicate()


def test_a_port_in_use_is_one_sentence(server: Server, tmp_path: Path) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    process = _start(server.video.parent, port, tmp_path / "second.log")
    output, _ = process.communicate(timeout=START_SECONDS)
    assert (process.returncode, output) == (4, "")
    errors = (tmp_path / "second.log").read_text(encoding="utf-8")
    assert errors.strip().splitlines()[-1].startswith(f"Nothing can listen on 127.0.0.1:{port} (")


def test_sigterm_ends_it_cleanly(server: Server) -> None:
    server.process.send_signal(signal.SIGTERM)
    output, _ = server.process.communicate(timeout=30)
    errors = server.log.read_text(encoding="utf-8")
    assert server.process.returncode == 0, errors
    assert output == ""
    assert "Traceback" not in errors
    assert {path.name for path in server.video.parent.iterdir()} == {"a.mp4", "server.log"}, "it left files behind"
