"""Refused addresses and paths through the real Kafka: no packet goes there, and no credential goes anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.events.models import VideoResult
from consumer.report import render_report
from consumer.report.exports.outcome import Outcome
from tests.integration.system import Audit, System
from tests.integration.worker_process import worker_process
from tests.media.web_server import serving
from tests.refused_addresses import SECRET, listening, refused_hosts, refused_schemes

pytestmark = pytest.mark.timeout(300)


def paths(directory: Path) -> list[str]:
    """Ways out of a directory, and what lies in it and is no file."""
    inside = directory / "allowed"
    inside.mkdir()
    (directory / "outside.mp4").write_bytes(b"outside")
    (inside / "link.mp4").symlink_to(directory / "outside.mp4")
    (inside / "up").symlink_to(directory)
    os.mkfifo(inside / "pipe.mp4")
    names = ("../outside.mp4", "x/../../outside.mp4", "link.mp4", "up/outside.mp4", "pipe.mp4", "")
    return [f"{inside}/{name}" for name in names] + ["/dev/zero", "/proc/self/environ", "/etc/passwd", f"{inside}-2/x"]


def test_every_refused_address_and_path(system: System, audit: Audit, short_video: str) -> None:
    with listening() as listener, serving() as web:
        web.answers["/start"] = (302, {"Location": f"/next?token={SECRET}"})
        web.answers["/next"] = (307, {"Location": f"http://user:{SECRET}@169.254.169.254/latest?token={SECRET}"})
        web.answers["/forbidden"] = (403, {"Set-Cookie": f"session={SECRET}"})
        mine = web.base.replace("//", f"//user:{SECRET}@")
        urls = [*refused_hosts(listener.port), *refused_schemes(listener.port), f"{mine}/start?token={SECRET}"]
        jobs = [{"video_url": url} for url in urls] + [{"video_path": path} for path in paths(system.directory)]
        for number, source in enumerate(jobs):
            system.submit(f"refused-{number}", partition=0, **source)
        system.submit("forbidden", partition=0, video_url=f"{mine}/forbidden?token={SECRET}")
        system.submit("good", partition=0, video_url=short_video)
        environment = system.environment(
            ALLOWED_HOSTS=f"*,127.0.0.1:{web.port}", ALLOWED_PATHS=str(system.directory / "allowed")
        )
        with worker_process(environment, system.directory / "log") as worker:
            worker.wait_ready()
            audit.wait_finals(len(jobs) + 2, seconds=200)
            metrics, at_work = worker.get("/metrics")[1], worker.get("/jobs")[1]
            log = worker.log.read_text()
        assert listener.connections == 0
    audit.check()
    finals = {final["job_id"]: final for final in audit.finals()}
    codes = {str(source): finals[f"refused-{number}"]["error"]["code"] for number, source in enumerate(jobs)}
    assert codes == dict.fromkeys(codes, "SOURCE_REFUSED")
    assert finals["forbidden"]["error"]["code"] == "SOURCE_FORBIDDEN"
    assert finals["good"]["status"] == "succeeded"
    told = [json.dumps(final) for final in finals.values()]
    told += [str(headers) for _, headers in audit.dead_letters()]
    assert len(audit.dead_letters()) == len(jobs) + 1
    results = [VideoResult.model_validate(final) for final in finals.values()]
    told += [render_report(Outcome.of(one.job_id, [], one, relative_times=True)) for one in results]
    told += [shown(system, "forbidden"), shown(system, f"refused-{len(urls) - 1}")]
    for text in (*told, metrics, at_work, log):
        assert SECRET not in text
    assert "jobs_total" in metrics
    assert '"DEBUG"' in log or "debug" in log, "at the level that says the most"


def shown(system: System, job_id: str) -> str:
    """What the command line shows of a job."""
    command = [str(Path(sys.executable).with_name("video-consumer")), "results", job_id, "--json"]
    environment = {**os.environ, **system.environment()}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert job_id in done.stdout, done.stderr
    return done.stdout + done.stderr
