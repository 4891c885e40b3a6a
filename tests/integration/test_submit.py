"""`submit`, `watch` and the Python client as their users call them, on a real Kafka and MinIO."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from minio import Minio as Client

from consumer.cli.main import main
from consumer.client.store import PART_BYTES
from tests.integration.system import Audit, System
from tests.integration.worker_process import worker_process
from tests.services.minio import Minio

DOCS = Path(__file__).parents[2] / "docs"
BOXED = 2 * PART_BYTES + 5
pytestmark = pytest.mark.timeout(200)


@pytest.fixture
def films(tmp_path: Path, short_video_file: Path) -> Path:
    """A directory of two videos, one of them so large that it is sent in three parts, and of something else."""
    folder = tmp_path / "films"
    folder.mkdir()
    video = short_video_file.read_bytes()
    # What follows in a `free` box is no part of the video. Other tests have uploaded the same video.
    (folder / "large.mp4").write_bytes(video + BOXED.to_bytes(4) + b"free" + os.urandom(16) + bytes(BOXED - 24))
    (folder / "small.mp4").write_bytes(video + (24).to_bytes(4) + b"free" + os.urandom(16))
    (folder / "notes.txt").write_text("none")
    return folder


@pytest.fixture
def settings(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in system.environment(LOG_LEVEL="ERROR").items():
        monkeypatch.setenv(name, value)


def test_a_directory_is_uploaded_in_parts_and_once_and_its_jobs_are_followed(
    system: System,
    settings: None,
    audit: Audit,
    films: Path,
    bucket_client: Client,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--chunk-duration", "5", "--chunk-overlap", "1"]
    with worker_process(system.environment(), system.directory / "log") as worker:
        worker.wait_ready()
        assert main(["submit", str(films), *options, "--wait", "--timeout", "60"]) == 0
        out, error = capsys.readouterr()
        ids = out.split()
        assert len(ids) == 2
        for job_id in ids:
            followed = [line for line in error.splitlines() if line.startswith(job_id)]
            assert len(followed) == 6
            assert "  succeeded, 5 of 5 chunks" in followed[-1]
        assert main(["watch", *ids, "--timeout", "60"]) == 0
        assert sorted(capsys.readouterr().out.splitlines()) == sorted(error.splitlines())
        # The other way round, the same content under other names.
        (films / "small.mp4").rename(films / "again.mp4")
        assert main(["submit", str(films), *options]) == 0
        assert capsys.readouterr().err == "In the bucket already: 2 of 2 files.\n"
        (films / "broken.mp4").write_bytes(b"no video")
        assert main(["submit", f"{films}/b*.mp4", "--wait", "--timeout", "60"]) == 1
        assert "MEDIA_UNREADABLE" in capsys.readouterr().err
        audit.wait_finals(5)
    audit.check()
    objects = bucket_client.list_objects(system.bucket, prefix="uploads/", recursive=True)
    tags = {str(one.object_name).rpartition("/")[2]: str(one.etag) for one in objects}
    assert set(tags) >= {"large.mp4", "small.mp4", "broken.mp4"}
    assert "again.mp4" not in tags
    assert tags["large.mp4"].endswith("-3"), "three parts"


def test_the_page_s_examples_run(system: System, films: Path) -> None:
    page = (DOCS / "client.md").read_text(encoding="utf-8")
    examples = re.findall(r"<!-- example: \w+ -->\n```python\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 2

    def lines_of(example: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", example, str(films / "small.mp4")],
            env={**os.environ, **system.environment(LOG_LEVEL="ERROR")},
            cwd=system.directory,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    with worker_process(system.environment(), system.directory / "log") as worker:
        worker.wait_ready()
        *chunks, final = lines_of(examples[0])
        beside = lines_of(examples[1])
    spans = {line.split(":")[0] for line in chunks}
    assert spans == {"0-5 s", "3-8 s", "6-11 s", "9-14 s", "12-17 s", "15-20 s"}
    assert final.startswith("succeeded {")
    assert sum(" of 6: {" in line for line in beside) == 12
    assert len(beside) == 14


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"S3_BUCKET": "no-such-bucket"}, 4, "There is no bucket no-such-bucket at "),
        ({"S3_SECRET_KEY": "wrong-secret"}, 1, "S3_SECRET_KEY does not fit S3_ACCESS_KEY."),
        ({"S3_ENDPOINT": "127.0.0.1:1"}, 1, "(S3_ENDPOINT): Failed to establish a new connection"),
        ({"KAFKA_TOPIC_PREFIX": "no-such"}, 4, "The topic no-such.jobs does not exist; make it with"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_sent(
    system: System,
    settings: None,
    minio: Minio,
    films: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, str],
    code: int,
    sentence: str,
) -> None:
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    assert main(["submit", str(films)]) == code
    out, error = capsys.readouterr()
    assert sentence in error
    assert error.count("\n") == 1
    assert out == ""
