"""What is seen of a worker from outside: a real Prometheus with the project's own configuration scrapes real ones."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge

from consumer.runpod.fleet_metrics import FleetMetrics
from consumer.runpod.prometheus import Prometheus as Meter
from consumer.telemetry.gpu import GpuWatch
from consumer.telemetry.health import HealthState
from consumer.telemetry.probes import ProbeServer
from tests.integration.system import System
from tests.integration.vllm_names import vllm_names
from tests.integration.worker_process import WorkerProcess, wait_until, worker_process
from tests.runpod_server import RunpodServer
from tests.services.downloads import prometheus_programs
from tests.services.prometheus import CONFIGURATION, Prometheus
from tests.unit.telemetry.nvml import Nvml
from tools.dashboards.__main__ import BOARDS

AUTOSCALE = (
    *(str(Path(sys.executable).with_name("video-consumer")), "autoscale", "--image", "you/it:1", "--interval", "0.5"),
    *("--max-pods", "2", "--max-hourly", "1", "--target", "1"),
)
WINDOWS = {"$__rate_interval": "20s", "$__range": "5m", "$instance": ".*"}
SHORT: dict[str, Any] = {"fps": 1, "chunk_duration": 5, "chunk_overlap": 0}


def promtool(*words: str) -> str:
    """Its output; it must be content."""
    line = [str(prometheus_programs() / "promtool"), *words]
    done = subprocess.run(line, cwd=CONFIGURATION, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_configuration_and_rules_are_valid_and_each_alert_fires_and_stays_silent(fetched: None) -> None:
    for name in ("prometheus.yml", "runpod.yml"):
        assert "rules found" in promtool("check", "config", name)
    assert "SUCCESS" in promtool("test", "rules", *map(str, sorted((CONFIGURATION / "tests").glob("*.yml"))))


@pytest.fixture
def card() -> Iterator[str]:
    """The page of a worker that has what none has here, a GPU and vLLM's metrics (`vllm_names` are on a real one's)."""
    registry = CollectorRegistry()
    watch = GpuWatch(registry, lambda: Nvml(1), every=0.5)
    for name in vllm_names():
        Gauge(name, "As vLLM names it.", ["model_name"], registry=registry).labels(model_name="m").set(1)
    server = ProbeServer("127.0.0.1", 0, registry=registry, state=HealthState())
    watch.start()
    server.start()
    yield f"127.0.0.1:{server.port}"
    server.stop()
    watch.stop()


def is_answer(prometheus: Prometheus, expression: str) -> bool:
    """Whether the question brings numbers."""
    for name, window in WINDOWS.items():
        expression = expression.replace(name, window)
    found = prometheus.query(expression)
    return any(not math.isnan(float(series["value"][1])) for series in found)


def silent(prometheus: Prometheus) -> list[str]:
    """The dashboards' questions that bring none."""
    questions = [query.expression for board in BOARDS for panel in board.panels for query in panel.queries]
    assert len(questions) > 60
    return [one for one in questions if not is_answer(prometheus, one)]


@pytest.fixture
def autoscaler(system: System, tmp_path: Path) -> Iterator[WorkerProcess]:
    """`video-consumer autoscale` on the deployment's Kafka; only RunPod's API is a stand-in."""
    with RunpodServer() as runpod:
        pods = {"RUNPOD_API_URL": runpod.url, "RUNPOD_API_KEY": runpod.cloud.key}
        with worker_process(system.environment(**pods), tmp_path / "autoscaler.log", AUTOSCALE) as process:
            yield process


def test_every_question_of_the_dashboards_is_answered(
    system: System, short_video: str, card: str, autoscaler: WorkerProcess
) -> None:
    environment = system.environment(PRICE_PER_HOUR="3.6")
    with worker_process(environment, system.directory / "log") as worker:
        worker.wait_ready()
        autoscaler.wait_ready()
        address = f"127.0.0.1:{worker.port}"
        own = f"127.0.0.1:{autoscaler.port}"
        with Prometheus([address, card], scrape_every="1s", autoscaler=own) as prometheus:
            numbers = count()

            def all_answered() -> bool:
                number = next(numbers)
                system.submit(f"good-{number}", video_url=short_video, **SHORT)
                # Its answers are no such objects: each chunk fails, and the job.
                wanted = json.dumps({"type": "object", "required": ["nothing"]})
                system.submit(f"bad-{number}", video_url=short_video, response_schema=wanted, **SHORT)
                return not silent(prometheus)

            try:
                wait_until(all_answered, seconds=90, what="all are answered", every=1.0)
            except AssertionError as error:
                error.add_note("\n".join(silent(prometheus)))
                raise
            (ended,) = prometheus.query(f'sum(video_consumer_jobs_total{{instance="{address}"}})')
            assert float(ended["value"][1]) > 0
            (there,) = prometheus.query(f'sum(video_consumer_fleet_pods{{instance="{own}", state="starting"}})')
            assert 1 <= float(there["value"][1]) <= 2
            assert {rule["health"] for rule in prometheus.rules()} == {"ok"}
            # What the autoscaler asks; how quick the worker is it may not tell yet, since nothing was long in work.
            with Meter(f"http://{prometheus.address}", f'instance="{address}"') as meter:
                assert meter.measures().job_seconds == pytest.approx(20, rel=0.8)


def test_the_autoscaler_tells_prometheus_where_the_pods_are(fetched: None, card: str) -> None:
    """A pod stands at the page of a worker; the way to it is all that is not real."""
    metrics = FleetMetrics()
    found = [{"targets": [card], "labels": {"instance": "films-00000001", "fleet": "films"}}]
    pages = {"/targets": lambda: found}
    server = ProbeServer("127.0.0.1", 0, registry=metrics.registry, state=HealthState(), more=pages)
    server.start()
    own = f"127.0.0.1:{server.port}"
    try:
        with Prometheus(scrape_every="1s", autoscaler=own) as prometheus:

            def scraped() -> bool:
                up = {one["metric"]["job"]: one["metric"]["instance"] for one in prometheus.query("up == 1")}
                return up == {"video-consumer": "films-00000001", "video-consumer-autoscaler": own}

            wait_until(scraped, seconds=30, what="both are scraped")
            assert prometheus.query("video_consumer_fleet_pods") != []
    finally:
        server.stop()


def backlog(worker: WorkerProcess) -> dict[str, float]:
    bases = ("in_work", "stated", "average", "assumed")
    return {basis: worker.metric("backlog_video_seconds", basis=basis) for basis in bases}


def submit(system: System, job_id: str, partition: int, video_url: str, stated: bytes | None) -> None:
    """A job whose producer states how much video it is, or does not."""
    job = {"job_id": job_id, "prompt": "What happens?", "video_url": video_url, **SHORT}
    headers = {} if stated is None else {"video-seconds": stated}
    system.produce(json.dumps(job).encode(), key=job_id, partition=partition, headers=headers)


def test_the_backlog_is_told_in_seconds_of_video(system: System, short_video: str, tmp_path: Path) -> None:
    # Twenty seconds in work, and behind them: ninety minutes that are stated, and two jobs of which nothing is known.
    for number, stated in enumerate([None, b"5400", None, None]):
        submit(system, f"job-{number}", 0, short_video, stated)
    settings = {"MAX_CONCURRENT_JOBS": "1", "SYNTHETIC_SECONDS_PER_CHUNK": "600"}
    with worker_process(system.environment(**settings), tmp_path / "log") as worker:
        worker.wait_ready()
        known = {"in_work": 20.0, "stated": 5400.0, "average": 40.0, "assumed": 0.0}
        wait_until(
            lambda: worker.metric("backlog_jobs") == 3 and backlog(worker) == known,
            seconds=30,
            what="what waits is known",
        )
        submit(system, "one more", 2, short_video, b"60")
        wait_until(
            lambda: worker.metric("backlog_jobs") == 4 and backlog(worker)["stated"] == 5460,
            seconds=30,
            what="what comes is seen",
        )
