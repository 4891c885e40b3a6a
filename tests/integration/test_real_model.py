"""The main job with nothing replaced: real Kafka, real MinIO, real video, a real (small) Qwen3-VL on the real vLLM.

The files are of the small model's own world, and a script says what is to be seen in each and when: so these tests know
whether the right frames reached the model, in their order, at their times, and whether its answers came out where they
belong. The model is loaded once, by a worker that lends it to others (`lent_engine`).
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest
from jsonschema import Draft202012Validator
from minio import Minio as Client

from consumer.demo.model_path import demo_model
from consumer.demo.run import PROMPT
from consumer.demo.sentences import parse
from consumer.demo.settings import FPS
from tests.integration import films
from tests.integration.conftest import deployed
from tests.integration.films import Film
from tests.integration.lent_engine import FAULTS
from tests.integration.meaning import CHUNK_SECONDS, OVERLAP_SECONDS, Stage, events, job, mistakes, put, worker
from tests.integration.system import Audit, System
from tests.integration.worker_process import WorkerProcess, wait_until
from tests.services.kafka import KafkaCluster
from tests.services.minio import Minio
from tools.tiny_model.exam import SCHEMA

pytestmark = pytest.mark.timeout(600)

CROWD = 32
SHORT = {"chunk_duration": 6}
"""Five chunks of a film."""

ALONE = {"chunk_duration": 14, "end_time": 14, "aggregate": False}
"""One chunk; most of the events are in it."""

TOLD_TWICE = (CHUNK_SECONDS - OVERLAP_SECONDS + 1 / FPS, CHUNK_SECONDS - 1 / FPS)
"""Seconds of a film whose events the first chunk tells, and the second too."""

JSON_PROMPTS = {"json": f"{PROMPT[:-1]}, as JSON.", "json-by-schema": PROMPT}
"""Of the second the model learns by the schema alone that JSON is wanted."""

CROWD_SECONDS = 7
ALLOWED, ALLOWED_IN_ALL = 2, 4
"""Mistakes in one answer, and in those about all films together: an event that is misnamed makes two of them."""

VP9: dict[str, Any] = {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8", "b": "400k"}}
H265: dict[str, Any] = {"codec": "libx265", "options": {"preset": "ultrafast", "x265-params": "log-level=none"}}
NAMES = ("h264", "vp9", "h265", "beyond-an-hour", "keyframes-only", "uneven-rate", "turned")
KILLED = NAMES[:2]
KILL_AT = (2, 4, 6)
"""When so many chunks are published, the worker of the last one is killed."""

KILLABLE = {"MAX_CONCURRENT_CHUNKS": "1", "MAX_ATTEMPTS": "9"}
"""All kills may end the same job's worker, and find no new chunk of it."""


@pytest.fixture(scope="module")
def stage(
    kafka: KafkaCluster, minio: Minio, bucket_client: Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    system = deployed(kafka, minio, tmp_path_factory.mktemp("real"), CROWD)
    # What vLLM leaves there when it is killed goes with it; pytest's own directory has too long a path for its sockets.
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="real-")))
        lender = worker(system, "lend", directory, "lender")
        stack.callback(lender.kill)
        audit = Audit(system)
        stack.callback(audit.close)
        made = {name: put(bucket_client, system, name, film) for name, film in _films().items()}
        yield Stage(system, audit, lender.wait_ready(240), directory, made)


def _films() -> dict[str, Film]:
    """In each something happens that two chunks tell."""
    *scripts, other = films.scripts(1000, len(NAMES) + 1, events=6, until=14, within=TOLD_TWICE)
    made = (
        films.between_others(scripts[0], other),
        films.between_others(scripts[1], other, "webm", **VP9),
        films.between_others(scripts[2], other, **H265),
        films.late(scripts[3]),
        films.between_keys(scripts[4], other),
        films.uneven(scripts[5], other),
        films.turned(scripts[6], 90),
    )
    return dict(zip(NAMES, made, strict=True))


@pytest.fixture(scope="module")
def answered(stage: Stage) -> Stage:
    """When all jobs but those of the crowd and the killed workers are done."""
    asked: list[tuple[str, str, dict[str, Any]]] = [(name, name, {}) for name in NAMES]
    asked += [(f"steady:{name}", name, SHORT) for name in KILLED]
    asked += [(f"{fault}:h264", "h264", ALONE) for fault in ("sound", *FAULTS)]
    as_json = {"response_schema": SCHEMA, "aggregate": False}
    asked += [(job_id, "h264", {"prompt": prompt, **as_json}) for job_id, prompt in JSON_PROMPTS.items()]
    for number, (job_id, name, fields) in enumerate(asked):
        stage.submit(job_id, name, number, **fields)
    stage.audit.wait_finals(len(asked), seconds=300)
    stage.audit.check()
    return stage


@pytest.mark.parametrize("name", NAMES)
def test_each_chunk_tells_what_happens_in_it_and_when(answered: Stage, name: str) -> None:
    film, _ = answered.films[name]
    chunks, final = answered.told(name)
    assert (final["status"], final["num_chunks"], len(chunks)) == ("succeeded", 2, 2)
    assert [chunk["start_time"] - film.start for chunk in chunks] == [0, CHUNK_SECONDS - OVERLAP_SECONDS]
    for chunk in chunks:
        assert chunk["success"], chunk["error"]
        assert parse(chunk["response"]).marker == film.script.marker, "this is another film's answer"
        wanted = events(film, chunk["start_time"], chunk["end_time"])
        assert wanted
        assert mistakes(chunk["response"], wanted) <= ALLOWED, (chunk["response"], wanted)
        _check_remarks(chunk)


def _check_remarks(chunk: dict[str, Any]) -> None:
    """What a chunk says besides what the model said."""
    assert chunk["frames"]["width"] == chunk["frames"]["height"] == 192
    assert chunk["tokens"]["vision"] == chunk["frames"]["count"] // 2 * 36
    assert chunk["finish_reason"] == "stop"
    assert chunk["degraded"] == []
    assert 0 < chunk["timings"]["first_token"] <= chunk["timings"]["generate"]
    assert chunk["provenance"]["engine"] == "vllm"
    assert chunk["provenance"]["model"] == str(demo_model())


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_for_the_whole_video_tells_each_event_once(answered: Stage, name: str) -> None:
    film, _ = answered.films[name]
    _, final = answered.told(name)
    answer = parse(final["aggregated_response"])
    assert answer.marker == film.script.marker
    assert len(set(answer.told)) == len(answer.told), final["aggregated_response"]
    assert mistakes(final["aggregated_response"], events(film)) <= ALLOWED, final["aggregated_response"]


def test_hardly_any_line_is_wrong(answered: Stage) -> None:
    """Fewer than one a film: so it is seen, too, when each film lacks what happens where its chunks overlap."""
    found = []
    for name in NAMES:
        film, _ = answered.films[name]
        chunks, final = answered.told(name)
        wanted = [events(film, chunk["start_time"], chunk["end_time"]) for chunk in chunks]
        found += [mistakes(chunk["response"], one) for chunk, one in zip(chunks, wanted, strict=True)]
        found.append(mistakes(final["aggregated_response"], events(film)))
        assert set(wanted[0]) & set(wanted[1]), "nothing happens where the chunks overlap"
    assert sum(found) <= ALLOWED_IN_ALL, found


@pytest.mark.parametrize("job_id", JSON_PROMPTS)
def test_json_tells_the_same_and_keeps_to_its_schema(answered: Stage, job_id: str) -> None:
    film, _ = answered.films["h264"]
    for chunk in answered.told(job_id)[0]:
        assert chunk["success"], chunk["error"]
        Draft202012Validator(json.loads(SCHEMA)).validate(json.loads(chunk["parsed"]))
        assert json.loads(chunk["parsed"]) == json.loads(chunk["response"])
        assert json.loads(chunk["parsed"])["marker"] == f"{film.script.marker:02d}"
        assert mistakes(chunk["parsed"], events(film, chunk["start_time"], chunk["end_time"])) <= ALLOWED


@pytest.mark.parametrize("fault", ["sound", *FAULTS])
def test_frames_in_another_order_turned_or_at_other_times_are_noticed(answered: Stage, fault: str) -> None:
    film, _ = answered.films["h264"]
    (chunk,), _ = answered.told(f"{fault}:h264")
    wanted = events(film, chunk["start_time"], chunk["end_time"])
    assert (mistakes(chunk["response"], wanted) <= ALLOWED) is (fault == "sound"), chunk["response"]


def test_of_many_jobs_in_flight_none_gets_a_sentence_of_another(answered: Stage, bucket_client: Client) -> None:
    """All of them are in work before the first is answered."""
    stage = answered
    for number, script in enumerate(films.scripts(2000, CROWD, events=2, until=CROWD_SECONDS, seconds=10)):
        name = f"crowd-{number}"
        stage.films[name] = put(bucket_client, stage.system, name, films.plain(script, fps=2))
        stage.submit(f"held-0:crowd:{number}", name, number, end_time=CROWD_SECONDS)
    wait_until(
        lambda: stage.lender.metric("jobs_in_progress") == CROWD, seconds=60, what="all jobs of the crowd are in work"
    )
    done = len(stage.audit.finals())
    (stage.directory / "crowd").touch()
    stage.audit.wait_finals(done + CROWD, seconds=120)
    stage.audit.check()
    found = []
    for number in range(CROWD):
        film, _ = stage.films[f"crowd-{number}"]
        (chunk,), final = stage.told(f"held-0:crowd:{number}")
        for text in (chunk["response"], final["aggregated_response"]):
            assert parse(text).marker == film.script.marker, "this is another film's answer"
        found.append(mistakes(chunk["response"], events(film, 0, chunk["end_time"])))
    assert max(found) <= ALLOWED, found
    assert sum(found) <= ALLOWED_IN_ALL, found


def test_after_kills_the_answers_are_those_of_a_run_without(answered: Stage, system: System, audit: Audit) -> None:
    """Two workers borrow the engine, a chunk at a time; who has just published one is killed, and another comes."""
    system.set_sessions(2000)
    with ExitStack() as stack:
        running: list[WorkerProcess] = []

        def start(number: int) -> None:
            running.append(worker(system, "borrow", answered.directory, f"worker-{number}", **KILLABLE))
            stack.callback(running[-1].kill)

        for number in range(2):
            start(number)
        for number, name in enumerate(KILLED):
            film, url = answered.films[name]
            system.submit(f"steady:{name}", partition=number, **job(film, url, **SHORT))
        for number, count in enumerate(KILL_AT, 2):
            victim = wait_until(_busy(audit, running, count), seconds=90, what=f"{count} chunks and a worker to kill")
            victim.kill()
            running.remove(victim)
            start(number)
        audit.wait_finals(len(KILLED), seconds=120)
    audit.check()
    resumed = 0
    for name in KILLED:
        film, _ = answered.films[name]
        (final,) = audit.finals(f"steady:{name}")
        steady_chunks, steady = answered.told(f"steady:{name}")
        chunks = sorted(audit.chunks(f"steady:{name}"), key=lambda one: int(one["chunk_index"]))
        assert [one["response"] for one in chunks] == [one["response"] for one in steady_chunks]
        assert [_sampling(one) for one in chunks] == [_sampling(one) for one in steady_chunks]
        assert final["aggregated_response"] == steady["aggregated_response"]
        assert mistakes(final["aggregated_response"], events(film)) <= ALLOWED, final["aggregated_response"]
        resumed += len({one["attempt"] for one in chunks}) > 1
    assert resumed, "no job was killed between two of its chunks"


def _sampling(chunk: dict[str, Any]) -> dict[str, Any]:
    """The small model is so sure of its words that other values may give the same."""
    return dict(chunk["provenance"]["sampling"])


def _busy(audit: Audit, running: list[WorkerProcess], count: int) -> Callable[[], WorkerProcess | None]:
    """Once so many chunks are published: the worker of the newest one that a running worker has published."""

    def find() -> WorkerProcess | None:
        audit.reader.read(0.05)
        chunks = audit.chunks()
        workers = {one.process.pid: one for one in running}
        last = sorted(chunks, key=lambda one: int(one["created_at"]), reverse=True)
        found = (workers.get(int(one["provenance"]["worker"].rpartition("-")[2])) for one in last)
        return next((one for one in found if one is not None), None) if len(chunks) >= count else None

    return find


def test_a_killed_worker_leaves_no_process_of_vllm_behind(stage: Stage) -> None:
    """The hardest end: nobody is left to shut vLLM down. The last one: nothing can be asked after it."""
    assert stage.lender.metric("tokens_total", kind="vision") > 0
    processes = [one for one in psutil.Process(stage.lender.process.pid).children(recursive=True) if one.is_running()]
    assert processes, "vLLM runs in processes of its own"
    stage.lender.signal(signal.SIGKILL)
    stage.lender.wait()
    wait_until(lambda: not any(_runs(one) for one in processes), seconds=60, what="vLLM's processes ended")


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
