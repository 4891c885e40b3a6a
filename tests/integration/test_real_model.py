"""The main job with nothing replaced: real Kafka, real MinIO, real video, a real (small) Qwen3-VL on the real vLLM."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest
from minio import Minio as Client

from consumer.demo.model_path import demo_model
from consumer.demo.render import frames
from consumer.demo.run import AGGREGATION_PROMPT, PROMPT
from consumer.demo.score import compare, tellable
from consumer.demo.sentences import parse
from consumer.demo.settings import CHUNK_SECONDS, CHUNK_TOKENS, ENVIRONMENT, FPS, OVERLAP_SECONDS
from consumer.demo.video import FPS as VIDEO_FPS
from consumer.demo.video import encode
from consumer.demo.world import Script, write_script
from tests.integration.system import Audit, System
from tests.integration.worker_process import wait_until, worker_process
from tools.tiny_model.exam import SCHEMA

pytestmark = pytest.mark.timeout(600)

SEEDS = (7, 8, 9)
SECONDS = 38


def settings(system: System) -> dict[str, str]:
    """What a user would export to run the small model."""
    return system.environment(
        ENGINE="vllm",
        MODEL_NAME=str(demo_model()),
        MAX_MODEL_LEN="8192",
        MAX_NUM_BATCHED_TOKENS="2048",
        ENFORCE_EAGER="true",
        TIMESTAMPS="absolute",
        LOG_LEVEL="INFO",
        **ENVIRONMENT,
    )


def job(url: str, **fields: Any) -> dict[str, Any]:
    """The demo's job, about a video in the store."""
    return {
        "video_url": url,
        "prompt": PROMPT,
        "aggregation_prompt": AGGREGATION_PROMPT,
        "max_tokens": 1024,
        "temperature": 0.0,
        "presence_penalty": 0.0,
        "chunk_duration": CHUNK_SECONDS,
        "chunk_overlap": OVERLAP_SECONDS,
        "fps": FPS,
        "max_vision_tokens": CHUNK_TOKENS,
        **fields,
    }


@pytest.fixture
def videos(bucket_client: Client, system: System, tmp_path: Path) -> dict[int, tuple[Script, str]]:
    """Generated videos in the store, by their markers, with what happens in them."""
    made = {}
    for seed in SEEDS:
        script, path = write_script(seed, SECONDS), tmp_path / f"{seed}.mp4"
        encode(path, frames(script, VIDEO_FPS))
        bucket_client.fput_object(system.bucket, path.name, str(path))
        made[script.marker] = script, f"s3://{system.bucket}/{path.name}"
    assert len(made) == len(SEEDS)
    return made


def check_chunk(chunk: dict[str, Any], script: Script) -> tuple[int, int]:
    """Checks one chunk of one video; returns how many lines are right and how many there should be."""
    assert chunk["success"], chunk["error"]
    answer = parse(chunk["response"])
    assert answer.marker == script.marker, "this is another video's answer"
    assert answer.other == ()
    events = tellable(script.events, chunk["start_time"], chunk["end_time"], FPS)
    score, _ = compare(answer.told, events)
    assert score.told <= score.expected + 1
    assert chunk["frames"]["width"] == chunk["frames"]["height"] == 192
    assert chunk["tokens"]["vision"] == chunk["frames"]["count"] // 2 * 36
    assert chunk["finish_reason"] == "stop"
    assert chunk["degraded"] == []
    assert 0 < chunk["timings"]["first_token"] <= chunk["timings"]["generate"]
    assert chunk["provenance"]["engine"] == "vllm"
    assert chunk["provenance"]["model"] == str(demo_model())
    return score.right, score.expected


def test_the_model_s_answers_arrive_once_and_each_with_its_own_video(
    system: System, audit: Audit, videos: dict[int, tuple[Script, str]]
) -> None:
    for marker, (_, url) in videos.items():
        system.submit(f"video-{marker}", **job(url))
    some_url = next(iter(videos.values()))[1]
    system.submit("json", **job(some_url, prompt=f"{PROMPT[:-1]}, as JSON.", response_schema=SCHEMA, aggregate=False))
    # What vLLM leaves there when it is killed goes with it; pytest's own directory has too long a path for its sockets.
    scratch = TemporaryDirectory(prefix="real-")
    with scratch, worker_process(settings(system) | {"TMPDIR": scratch.name}, system.directory / "log") as worker:
        worker.wait_ready(240)
        processes = [one for one in psutil.Process(worker.process.pid).children(recursive=True) if one.is_running()]
        assert processes, "vLLM runs in processes of its own"
        audit.wait_finals(len(videos) + 1, seconds=240)
        assert worker.metric("tokens_total", kind="vision") > 0
        # The hardest end: nobody is left to shut vLLM down.
        worker.signal(signal.SIGKILL)
        worker.wait()
        wait_until(lambda: not any(_runs(one) for one in processes), seconds=60, what="vLLM's processes ended")
    audit.check()
    right = expected = 0
    for marker, (script, _) in videos.items():
        (final,) = audit.finals(f"video-{marker}")
        assert final["status"] == "succeeded"
        assert final["video_info"]["duration"] == pytest.approx(SECONDS)
        assert parse(final["aggregated_response"]).marker == marker
        chunks = audit.chunks(f"video-{marker}")
        assert len(chunks) == final["num_chunks"] == 2
        scores = [check_chunk(chunk, script) for chunk in chunks]
        right, expected = right + sum(one for one, _ in scores), expected + sum(one for _, one in scores)
    assert expected >= 20
    assert right / expected > 0.95
    for chunk in audit.chunks("json"):
        assert chunk["success"], chunk["error"]
        assert json.loads(chunk["parsed"])["marker"] == f"{next(iter(videos)):02d}"


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
