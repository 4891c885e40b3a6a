"""The examples in Java, Go and Node.js on the real broker: their jobs are read, and they read what is committed."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest
from confluent_kafka import Producer
from minio import Minio as Client

from consumer.events.codec import EventCodec, Format
from consumer.events.headers import JobPosition, cloud_event_headers
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from tests.integration.conftest import deployed
from tests.integration.other_languages import LANGUAGES, Language
from tests.integration.system import CommittedReader, System
from tests.integration.worker_process import worker_process
from tests.services.kafka import KafkaCluster
from tests.services.minio import Minio
from tests.unit.events.examples import CHUNK, RESULT

GHOST = "This was never committed."


@pytest.fixture(scope="module")
def builds() -> Iterator[Mapping[str, Future[Path]]]:
    """All examples that can be are built side by side, while the worker starts."""
    with ThreadPoolExecutor(len(LANGUAGES)) as pool:
        yield {name: pool.submit(one.built) for name, one in LANGUAGES.items() if one.missing is None}


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest, builds: Mapping[str, Future[Path]]) -> Language:
    """Each language that is on this machine, built."""
    found = LANGUAGES[request.param]
    if found.missing is not None:
        pytest.skip(f"{found.name} is not on this machine: `{found.missing}` is not in PATH")
    builds[found.name].result()
    return found


@pytest.fixture(scope="module")
def answering(
    kafka: KafkaCluster,
    minio: Minio,
    bucket_client: Client,
    builds: Mapping[str, Future[Path]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[System]:
    """A deployment with a worker that writes Avro, as it does unless it is told otherwise."""
    system = deployed(kafka, minio, tmp_path_factory.mktemp("languages"))
    with worker_process(system.environment(EVENT_FORMAT="avro"), system.directory / "log") as worker:
        worker.wait_ready()
        yield system


class Publisher:
    """Writes results as a worker does, all into one partition: transaction after transaction of one producer."""

    def __init__(self, system: System, write: Format) -> None:
        self.topics, self.codec = system.topics, EventCodec(write)
        settings = {"bootstrap.servers": system.bootstrap, "transactional.id": f"{system.group}-test", "log_level": 0}
        self.producer = Producer(settings)
        self.producer.init_transactions(30)

    def write(self, job_id: str, response: str, *, commit: bool) -> None:
        """One transaction: a chunk and the final result of the job, both with this text."""
        chunk = CHUNK.model_copy(update={"job_id": job_id, "response": response, "chunk_index": 0})
        refs = [RESULT.chunks[0]]
        final = RESULT.model_copy(update={"job_id": job_id, "aggregated_response": response, "chunks": refs})
        self.producer.begin_transaction()
        self._produce(self.topics.results, final, "job.partial", None)
        self._produce(self.topics.chunk_results, chunk, "chunk.completed", chunk.chunk_index)
        # Else an abort only forgets them.
        assert self.producer.flush(30) == 0
        if commit:
            self.producer.commit_transaction(30)
        else:
            self.producer.abort_transaction(30)

    def _produce(self, topic: str, event: ChunkResult | VideoResult, kind: str, index: int | None) -> None:
        headers = cloud_event_headers(
            position=JobPosition(self.topics.jobs, 0, 0),
            kind=kind,
            chunk_index=index,
            subject=event.job_id,
            time_ms=event.created_at,
            content_type=self.codec.content_type,
            traceparent=None,
        )
        value = self.codec.encode(event, topic)
        self.producer.produce(topic, value, event.job_id.encode(), partition=0, headers=[*headers])


def environment(system: System) -> dict[str, str]:
    return {"KAFKA_BOOTSTRAP_SERVERS": system.bootstrap, "KAFKA_TOPIC_PREFIX": system.topics.prefix}


def test_a_job_is_answered_by_a_worker_and_aborted_results_are_not_seen(
    answering: System, short_video: str, language: Language
) -> None:
    publisher = Publisher(answering, "avro")
    job_id = f"in-{language.name}"
    # Two in a row of one producer, and one behind a transaction that was committed: clients forget one or the other.
    publisher.write(job_id, GHOST, commit=False)
    publisher.write(job_id, GHOST, commit=False)
    publisher.write(f"another-{language.name}", "Another job.", commit=True)
    publisher.write(job_id, GHOST, commit=False)

    done = language.start(short_video, job_id, environment(answering))

    lines = done.stdout.splitlines()
    assert GHOST not in done.stdout, lines
    assert "Another job." not in done.stdout, lines
    assert done.returncode == 0, done.stderr
    assert sorted(line.partition(" s: ")[0] for line in lines[:-1]) == sorted(["0-20"]), lines
    assert all(job_id in line for line in lines[:-1]), "the synthetic engine's answer names the job"
    assert lines[-1].startswith("succeeded: "), lines


def test_its_job_is_as_the_contract_says_and_results_in_json_are_read(system: System, language: Language) -> None:
    publisher = Publisher(system, "json")
    job_id = f"json-{language.name}"
    publisher.write(job_id, GHOST, commit=False)
    publisher.write(job_id, "Ein roter Kreis. 赤い円", commit=True)
    before = time.time()

    done = language.start("s3://videos/talk.mp4", job_id, environment(system))

    lines = done.stdout.splitlines()
    assert lines == ["58-118 s: Ein roter Kreis. 赤い円", "partial: Ein roter Kreis. 赤い円"], done.stderr
    # It is partial, so it did not succeed.
    assert done.returncode == 1, done.stderr
    reader = CommittedReader(system, system.topics.jobs)
    (record,) = reader.read(1.0)
    reader.close()
    job = EventCodec("avro").decode(VideoJob, record.value())
    assert job == VideoJob(job_id=job_id, video_url="s3://videos/talk.mp4", prompt="Describe what happens, with times.")
    assert record.key() == job_id.encode()
    headers = {name: value.decode() for name, value in cast(list[tuple[str, bytes]], record.headers())}
    sent = datetime.datetime.fromisoformat(headers.pop("ce_time"))
    assert before - 1 <= sent.timestamp() <= time.time()
    assert len(headers.pop("ce_id")) == 36
    assert headers == {
        "ce_specversion": "1.0",
        "ce_source": f"/examples/{language.name}",
        "ce_type": "video.job.submitted.v1",
        "ce_subject": job_id,
        "content-type": "application/avro",
    }
