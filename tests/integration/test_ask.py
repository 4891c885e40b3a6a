"""Second questions through the real Kafka: `video-consumer ask`, a worker, and where the answer comes from."""

from __future__ import annotations

import json

import pytest

from consumer.cli.main import main
from tests.integration.system import Audit, System
from tests.integration.worker_process import worker_process

pytestmark = pytest.mark.timeout(200)


def test_a_finished_job_is_asked_again_and_looked_at_again(
    system: System,
    audit: Audit,
    short_video: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The second worker takes up the zoom that the first one was killed in, at the chunks that were published."""
    for name, value in system.environment(LOG_LEVEL="ERROR").items():
        monkeypatch.setenv(name, value)
    slow = {"SYNTHETIC_SECONDS_PER_CHUNK": "1.0", "MAX_CONCURRENT_CHUNKS": "1"}
    with worker_process(system.environment(), system.directory / "first") as worker:
        worker.wait_ready()
        # 20 s are 19 chunks of 2 s, of which 8 may be chosen.
        system.submit("talk", video_url=short_video, chunk_duration=2, chunk_overlap=1)
        (first,) = audit.wait_finals(1)
        assert main(["ask", "talk", "--again", "Who speaks?", "--timeout", "60"]) == 0
        answer = json.loads(capsys.readouterr().out)
    count = first["num_chunks"]
    assert (first["status"], answer["chunks"], answer["gaps"]) == ("succeeded", count, [])
    (again,) = (one for one in audit.wait_finals(2) if one["job_id"] != "talk")
    assert (again["provenance"]["source_job_id"], again["provenance"]["source_run_id"]) == ("talk", first["run_id"])
    assert again["chunks"] == first["chunks"], "they are the first job's, where these stand"
    assert audit.chunks(again["job_id"]) == []
    page = system.directory / "page.html"
    for job_id in ("talk", again["job_id"]):
        assert main(["results", job_id, "--report", str(page)]) == 0
        text = page.read_text(encoding="utf-8")
        # From the bucket, since the video there is still the same.
        assert text.count("data:image/jpeg;base64,") == text.count("<article") == count
    capsys.readouterr()
    assert main(["ask", "talk", "--zoom", "Who speaks?", "--no-wait"]) == 0
    zoom = capsys.readouterr().out.strip()
    with worker_process(system.environment(**slow), system.directory / "second") as worker:
        worker.wait_ready()
        audit.wait_chunks(count + 2)
        worker.kill()
    with worker_process(system.environment(), system.directory / "third") as worker:
        worker.wait_ready()
        audit.wait_finals(3)
    (final,) = audit.finals(zoom)
    seen = sorted(one["chunk_index"] for one in audit.chunks(zoom))
    assert (final["status"], final["attempts"], final["num_chunks"]) == ("succeeded", 2, 8)
    assert [one["chunk_index"] for one in final["chunks"]] == seen == list(range(1, 17, 2))
    assert final["provenance"]["source_run_id"] == first["run_id"]
    # As many frames as fit, where the first job was shown two a second.
    assert min(one["frames"]["count"] for one in audit.chunks(zoom)) > max(
        one["frames"]["count"] for one in audit.chunks("talk")
    )
