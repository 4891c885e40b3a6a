"""A job's trace: in results, dead letters and lines of the log always; as spans where a receiver is configured."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from consumer.errors import ErrorCode, PermanentError
from consumer.events.traceparent import parse
from consumer.telemetry import otlp
from consumer.telemetry.otlp import OtlpTracing
from tests.integration.system import Audit, System
from tests.integration.worker_process import WorkerProcess, wait_until, worker_process
from tests.otlp_receiver import OtlpReceiver, facts

GOOD = "4bf92f3577b34da6a3ce929d0e0e4736"
BAD = "0af7651916cd43dd8448eb211c80319c"
NO_JOB = "1b4e28ba2fa14d1aa59ff1c2f5f7a3d8"
CALLER = "00f067aa0ba902b7"
CHUNKS = 4
# `video-consumer run`, which tells at its end what it has imported.
RUN = """
import json, sys
from consumer.cli.main import main
code = main(["run"])
found = sorted(name for name in sys.modules if name.partition(".")[0] == "opentelemetry")
print(json.dumps({"event": "imported", "found": found}), file=sys.stderr)
sys.exit(code)
"""


def parent(trace_id: str, flags: str = "01") -> bytes:
    return f"00-{trace_id}-{CALLER}-{flags}".encode()


def submit(system: System, job_id: str, partition: int, headers: dict[str, bytes], **fields: Any) -> None:
    job = {"job_id": job_id, "prompt": "What?", "fps": 1, "chunk_duration": 5, "chunk_overlap": 0, **fields}
    system.produce(json.dumps(job).encode(), key=job_id, partition=partition, headers=headers)


class Course:
    """One worker, and three jobs through it: one that succeeds, one without a source, one without a trace."""

    def __init__(self, system: System, audit: Audit, video: str, **settings: str) -> None:
        environment = system.environment(RETRY_SECONDS="0", **settings)
        worker = WorkerProcess(environment, system.directory / "log", [sys.executable, "-c", RUN])
        try:
            worker.wait_ready()
            submit(system, "good", 0, {"traceparent": parent(GOOD)}, video_url=video)
            submit(system, "bad", 1, {"traceparent": parent(BAD)}, video_url=f"s3://{system.bucket}/not-there.mp4")
            submit(system, "plain", 2, {"traceparent": b"00-1"}, video_url=video)
            system.produce(b"no job", key="no job", partition=3, headers={"traceparent": parent(NO_JOB)})
            audit.wait_finals(3)
            wait_until(lambda: audit.reader.read(0.1) and len(audit.dead_letters()) == 2, seconds=30, what="dead ones")
            audit.check()
            began = time.monotonic()
            worker.signal(signal.SIGTERM)
            assert worker.wait() == 0
            self.leaving_seconds = time.monotonic() - began
        finally:
            worker.kill()
        self.records = worker.records()

    def lines(self, job_id: str) -> list[dict[str, Any]]:
        """Of the log, from the job's start to its end."""
        return [one for one in self.records if one.get("job_id") == job_id]

    @property
    def imported(self) -> list[str]:
        """Modules of OpenTelemetry."""
        (line,) = [one for one in self.records if one["event"] == "imported"]
        return list(line["found"])


def headers_of(audit: Audit, topic: str, job_id: str) -> list[dict[str, bytes]]:
    found = [one for one in audit.reader.messages if one.topic() == topic and one.key() == job_id.encode()]
    return [dict(cast(list[tuple[str, bytes]], one.headers())) for one in found]


def test_a_trace_is_handed_on_and_nothing_of_opentelemetry_is_imported(
    system: System, audit: Audit, short_video: str
) -> None:
    course = Course(system, audit, short_video)
    assert course.imported == []
    topics = system.topics
    chunks, finals = (headers_of(audit, topic, "good") for topic in (topics.chunk_results, topics.results))
    assert (len(chunks), len(finals)) == (CHUNKS, 1)
    assert {one["traceparent"] for one in chunks + finals} == {parent(GOOD)}
    (failed,) = headers_of(audit, topics.results, "bad")
    (dead,) = headers_of(audit, topics.dead_letters, "bad")
    assert failed["traceparent"] == dead["traceparent"] == parent(BAD)
    # What is no trace is not handed on.
    assert all("traceparent" not in one for one in headers_of(audit, topics.chunk_results, "plain"))

    for job_id, trace_id, partition in (("good", GOOD, 0), ("bad", BAD, 1), ("plain", None, 2)):
        lines = course.lines(job_id)
        assert {"partition_phase", "job_concluded"} <= {one["event"] for one in lines}
        assert {one.get("trace_id") for one in lines} == {trace_id}, job_id
        assert {one["partition"] for one in lines} == {partition}
        assert {one["offset"] for one in lines} == {0}
    asked = [one for one in course.lines("good") if one["event"] == "engine_asked"]
    # The last is the whole video's.
    assert (sorted(one["chunk"] for one in asked[:-1]), "chunk" in asked[-1]) == ([*range(CHUNKS)], False)


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


def test_each_stage_of_a_real_job_is_a_span_of_its_trace(
    system: System, audit: Audit, short_video: str, receiver: OtlpReceiver
) -> None:
    course = Course(system, audit, short_video, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
    assert "opentelemetry.sdk.trace" in course.imported
    process = receiver.process()
    assert process["service.name"] == "video-consumer" and process["service.instance.id"]
    spans = [one for one in receiver.spans() if one.trace_id.hex() == GOOD]
    by_id = {one.span_id: one for one in spans}
    (job,) = [one for one in spans if one.name == "job"]
    assert (job.parent_span_id.hex(), job.kind) == (CALLER, Span.SPAN_KIND_CONSUMER)
    told = facts(job.attributes)
    assert (told["video.job_id"], told["video.status"], told["video.chunks"]) == ("good", "succeeded", CHUNKS)

    def path(span: Span) -> str:
        above = by_id.get(span.parent_span_id)
        return span.name if above is None else f"{path(above)}/{span.name}"

    paths = [path(one) for one in spans]
    stages = ["decode", "publish", "render", "wait", "generate"]
    assert {one: paths.count(one) for one in paths} == {
        "job": 1,
        "job/fetch": 1,
        "job/chunk": CHUNKS,
        **{f"job/chunk/{stage}": CHUNKS for stage in stages},
        **{f"job/aggregate/{stage}": 1 for stage in ("render", "wait", "generate")},
        "job/aggregate": 1,
        "job/publish": 1,
    }
    indices = sorted(facts(one.attributes)["video.chunk"] for one in spans if one.name == "chunk")
    assert indices == list(range(CHUNKS))
    assert all(job.start_time_unix_nano <= one.start_time_unix_nano <= one.end_time_unix_nano for one in spans)

    (final,) = [one for one in spans if path(one) == "job/publish"]
    assert final.start_time_unix_nano >= job.end_time_unix_nano

    *failed, published = [one for one in receiver.spans() if one.trace_id.hex() == BAD]
    assert [(one.name, one.status.message) for one in failed] == [
        (name, "SOURCE_NOT_FOUND") for name in ("fetch", "job")
    ]
    assert {one.status.code for one in failed} == {Status.STATUS_CODE_ERROR}
    assert (published.name, published.parent_span_id, published.status.code) == ("publish", failed[1].span_id, 0)
    # A job without a trace begins one, which its lines of the log tell.
    (begun,) = [
        one for one in receiver.spans() if one.name == "job" and facts(one.attributes)["video.job_id"] == "plain"
    ]
    assert not begun.parent_span_id
    assert [one.name for one in receiver.spans() if one.parent_span_id == begun.span_id].count("publish") == 1
    # What is no job has no span of its own, and its dead letter's is the producer's child.
    (dropped,) = [one for one in receiver.spans() if one.trace_id.hex() == NO_JOB]
    assert (dropped.name, dropped.parent_span_id.hex()) == ("publish", CALLER)
    lines = [one for one in course.lines("plain") if one["event"] == "engine_asked"]
    assert {one["trace_id"] for one in lines} == {begun.trace_id.hex()}


def test_process_sends_spans_too(receiver: OtlpReceiver, short_video_file: Path, tmp_path: Path) -> None:
    environment = {"ENGINE": "synthetic", "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
    command = [str(Path(sys.executable).with_name("video-consumer")), "process", str(short_video_file)]
    options = ["--chunk-duration", "5", "--chunk-overlap", "0", "--fps", "1"]
    with worker_process(environment, tmp_path / "log", [*command, *options]) as process:
        assert process.wait() == 0, process.log.read_text()
    names = Counter(one.name for one in receiver.spans())
    assert (names["job"], names["chunk"], names["decode"], names["aggregate"]) == (1, CHUNKS, CHUNKS, 1)
    assert len({one.trace_id for one in receiver.spans()}) == 1
    assert str(short_video_file).encode() not in b"".join(one.content for one in receiver.requests)


def test_an_error_s_message_is_not_told(receiver: OtlpReceiver) -> None:
    tracing = OtlpTracing(receiver.url, "worker-1")
    for error in (
        PermanentError(ErrorCode.SOURCE_FORBIDDEN, "https://u:hunter2@s/a?sig=hunter2"),
        ValueError("hunter2"),
    ):
        with pytest.raises(type(error)), tracing.job(None), tracing.stage("fetch"):
            raise error
    tracing.stop()
    said = [(one.name, one.status.message) for one in receiver.spans()]
    names = [(name, code) for code in ("SOURCE_FORBIDDEN", "ValueError") for name in ("fetch", "job")]
    assert said == names
    assert all(b"hunter2" not in one.content for one in receiver.requests)


def test_who_does_not_record_its_own_part_is_followed(receiver: OtlpReceiver) -> None:
    tracing = OtlpTracing(receiver.url, "worker-1")
    for flags in ("00", "01"):
        with tracing.job(parse(parent(GOOD, flags)), job_id=f"flags-{flags}") as span:
            assert span.trace_id == GOOD
    tracing.stop()
    assert [facts(one.attributes)["video.job_id"] for one in receiver.spans()] == ["flags-01"]


def numbers(receiver: OtlpReceiver) -> list[int]:
    return [facts(one.attributes)["video.chunk"] for one in receiver.spans()]


@pytest.mark.parametrize("silent", [True, False], ids=["that answers nothing", "that is not there"])
def test_work_does_not_wait_for_a_receiver(silent: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "STOP_SECONDS", 0.2)
    with OtlpReceiver(silent=True) as receiver:
        url = receiver.url if silent else "http://127.0.0.1:9"
        tracing = OtlpTracing(url, "worker-1")
        began = time.monotonic()
        for number in range(10_000):
            with tracing.stage("decode", chunk=number):
                pass
        # Ten thousand times a time-out would be hours; a hundred microseconds each are a slow machine's.
        assert time.monotonic() - began < 10
        if silent:
            wait_until(lambda: receiver.requests, seconds=20, what="it has tried")
        began = time.monotonic()
        tracing.stop()
        assert time.monotonic() - began < 5
        receiver.answer()
        if silent:
            # Of those that came meanwhile the queue kept the last; the batch under way was taken out before.
            wait_until(lambda: 9_999 in numbers(receiver), seconds=20, what="the last one arrives")
            assert len(numbers(receiver)) <= 2048 + 512
