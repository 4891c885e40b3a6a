"""`VideoJobs` on a scripted cluster: what it writes, where it begins to read, what it hands out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from consumer.client import (
    JobHandle,
    JobTooLargeError,
    RefusedJobError,
    UnknownJobError,
    VideoJobs,
    WaitTimeoutError,
    new_job_id,
    reader,
)
from consumer.client.follower import Follower
from consumer.client.places import CLOCK_MARGIN_MS
from consumer.errors import ConfigurationError
from consumer.events.models import CancelJob, ChunkResult, VideoJob, VideoResult
from consumer.stream.unavailable import KafkaUnavailableError
from tests.unit.client.fakes import CHUNKS, CODEC, PARTITION, RESULTS, SETTINGS, FakeKafka
from tests.unit.stream.builders import chunk, final, job


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    return FakeKafka.installed(monkeypatch)


def run_of(run_id: str, chunks: int, created_at: int = 1) -> list[ChunkResult | VideoResult]:
    fields = {"run_id": run_id, "created_at": created_at}
    return [
        *(chunk(index, num_chunks=chunks).model_copy(update=fields) for index in range(chunks)),
        final(chunks).model_copy(update=fields),
    ]


def test_a_job_is_written_as_the_event_that_it_is(kafka: FakeKafka) -> None:
    with VideoJobs(SETTINGS) as client:
        handle = client.submit(job())
    [(topic, key, value, headers)] = kafka.sent
    assert (topic, key) == ("video.jobs", "job")
    assert CODEC.decode(VideoJob, value) == job()
    assert headers["ce_type"] == b"video.job.submitted.v1"
    assert headers["ce_subject"] == b"job"
    assert handle.job_id == "job"
    assert kafka.open == 0


@pytest.mark.parametrize(
    ("fields", "stated"),
    [
        ({}, None),
        ({"start_time": 30.0, "end_time": 90.0}, b"60"),
        ({"metadata": {"video-seconds": "5400"}}, b"5400"),
        ({"metadata": {"video-seconds": "5400"}, "end_time": 90.0}, b"5400"),
        ({"metadata": {"video-seconds": "long"}}, None),
    ],
)
def test_a_known_length_is_stated_for_the_backlog(
    kafka: FakeKafka, fields: dict[str, object], stated: bytes | None
) -> None:
    with VideoJobs(SETTINGS) as client:
        client.submit(job().model_copy(update=fields))
    assert kafka.sent[0][3].get("video-seconds") == stated


def test_a_stop_is_asked_for_in_the_control_topic(kafka: FakeKafka) -> None:
    with VideoJobs(SETTINGS) as client:
        client.cancel("job", "wrong file")
    [(topic, key, value, headers)] = kafka.sent
    assert (topic, key) == ("video.jobs.control", "job")
    assert CODEC.decode(CancelJob, value).reason == "wrong file"
    assert headers["ce_type"] == b"video.job.cancel.requested.v1"


def test_a_handle_names_its_job_and_chunks_alone_may_be_asked_for(kafka: FakeKafka) -> None:
    kafka.publish(*run_of(JobHandle("job", "video.jobs", 1, 0, 1_000).run_id, 2))
    with VideoJobs(SETTINGS) as client:
        handle = client.submit(job())
        assert [one.chunk_index for one in client.chunks(handle, timeout=60)] == [0, 1]
        client.cancel(handle)
    assert [key for _, key, _, _ in kafka.sent] == ["job", "job"]


def test_without_settings_it_takes_those_of_the_environment(kafka: FakeKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_TOPIC_PREFIX", "films")
    monkeypatch.setenv("EVENT_FORMAT", "json")
    kafka.topics["films.jobs"] = 1
    with VideoJobs() as client:
        client.submit(job())
    assert kafka.sent[0][0] == "films.jobs"


def test_a_job_that_would_be_refused_or_does_not_fit_is_not_sent(kafka: FakeKafka) -> None:
    with VideoJobs(SETTINGS) as client:
        for refused in (client.check, client.submit):
            with pytest.raises(RefusedJobError, match="deadline: it has passed"):
                refused(job().model_copy(update={"deadline": 1}))
        client.check(job())
        with pytest.raises(JobTooLargeError, match="KAFKA_PRODUCER_MESSAGE_MAX_BYTES"):
            client.check(job().model_copy(update={"metadata": {"x": "y" * 1_000_000}}))
    assert kafka.sent == []


def _until_silent(follower: Follower) -> Iterator[ChunkResult | VideoResult]:
    """What comes before nothing does; the scripted cluster has all there at once."""
    with follower:
        for _ in range(20):
            yield from follower.step(0.0)


@pytest.mark.parametrize("missing", ["video.jobs", CHUNKS, RESULTS])
def test_a_missing_topic_is_named(kafka: FakeKafka, missing: str) -> None:
    del kafka.topics[missing]
    client = VideoJobs(SETTINGS)
    with pytest.raises(ConfigurationError, match=f"The topic {missing} does not exist; .*topics create"):
        client.submit(job()) if missing == "video.jobs" else client.results("job")
    assert kafka.sent == []


def test_following_hands_out_chunks_then_the_final_result_and_ends(kafka: FakeKafka) -> None:
    kafka.publish(*run_of("run", 3))
    events = list(VideoJobs(SETTINGS).follow(["job"], timeout=60))
    assert [event.chunk_index for event in events if isinstance(event, ChunkResult)] == [0, 1, 2]
    assert isinstance(events[-1], VideoResult)
    assert len(events) == 4
    assert kafka.open == 0


def test_waiting_hands_out_the_final_result(kafka: FakeKafka) -> None:
    kafka.publish(*run_of("run", 1))
    assert VideoJobs(SETTINGS).wait("job", timeout=60).run_id == "run"
    assert kafka.open == 0


def test_results_of_other_jobs_are_not_even_decoded(kafka: FakeKafka) -> None:
    kafka.records[CHUNKS, 0] = [(b"other", b"\xc3\x01 no such schema", 5_000)]
    kafka.publish(*run_of("run", 1))
    assert len(list(VideoJobs(SETTINGS).follow(["job"], timeout=60))) == 2


def test_following_no_job_is_over_at_once(kafka: FakeKafka) -> None:
    assert list(VideoJobs(SETTINGS).follow([])) == []
    assert kafka.started == []


def test_the_time_given_ends_the_following(kafka: FakeKafka) -> None:
    kafka.publish(chunk(0))
    client = VideoJobs(SETTINGS)
    with pytest.raises(WaitTimeoutError, match="no final result of job after 0 s; a job that was submitted goes on"):
        list(client.follow(["job"], timeout=0.0))
    with pytest.raises(WaitTimeoutError, match="no final result of a, b, c and 2 more after 0 s"):
        list(client.follow(["a", "b", "c", "d", "e"], timeout=0.0))
    assert kafka.open == 0


def test_an_id_means_its_newest_record_such_as_one_that_was_sent_again(kafka: FakeKafka) -> None:
    first, again = kafka.send("job", at=1_000), kafka.send("job", at=2_000)
    kafka.publish(*run_of(first.run_id, 2))
    client = VideoJobs(SETTINGS)
    assert list(_until_silent(client.follower(["job"]))) == []
    kafka.publish(*run_of(again.run_id, 1))
    assert [event.run_id for event in client.follow(["job"], timeout=60)] == [again.run_id] * 2
    assert client.wait(first, timeout=60).run_id == first.run_id, "a handle means its record"


def test_following_all_begins_at_the_end(kafka: FakeKafka) -> None:
    kafka.publish(*run_of("run", 1))
    with pytest.raises(WaitTimeoutError):
        list(VideoJobs(SETTINGS).follow(None, timeout=0.0))
    assert kafka.started == [{(CHUNKS, 0): 0, (CHUNKS, 1): 1, (RESULTS, 0): 0, (RESULTS, 1): 1}]


def test_a_handle_is_read_from_its_record_s_time_in_its_partition(kafka: FakeKafka) -> None:
    handle = JobHandle("job", "video.jobs", PARTITION, 7, 4_000)
    kafka.publish(*run_of("earlier", 1), at=3_000)
    kafka.publish(*run_of(handle.run_id, 1), at=4_000)
    events = list(VideoJobs(SETTINGS).follow([handle], timeout=60))
    assert [event.run_id for event in events] == [handle.run_id] * 2
    assert kafka.started == [{(CHUNKS, 1): 1, (RESULTS, 1): 1}]


def test_an_id_that_tells_its_time_is_read_from_there(kafka: FakeKafka) -> None:
    job_id = new_job_id()
    made = int(job_id.replace("-", "")[:12], 16)
    kafka.publish(chunk(0), at=made - CLOCK_MARGIN_MS - 1)
    kafka.publish(*(event.model_copy(update={"job_id": job_id}) for event in run_of("run", 1)), at=made)
    found = VideoJobs(SETTINGS).results(job_id)
    assert found.final is not None
    assert kafka.started == [{(CHUNKS, 0): 0, (CHUNKS, 1): 1, (RESULTS, 0): 0, (RESULTS, 1): 0}]


def test_records_of_an_id_that_tells_its_time_are_looked_for_from_there(kafka: FakeKafka) -> None:
    job_id = new_job_id()
    made = int(job_id.replace("-", "")[:12], 16)
    kafka.send("other", at=made - CLOCK_MARGIN_MS - 1)
    handle = kafka.send(job_id, at=made)
    kafka.publish(*(event.model_copy(update={"job_id": job_id}) for event in run_of(handle.run_id, 1)), at=made)
    assert VideoJobs(SETTINGS).wait(job_id, timeout=60).run_id == handle.run_id
    assert kafka.started[0] == {("video.jobs", 0): 0, ("video.jobs", 1): 1}


def test_an_id_whose_clock_was_wrong_is_found_from_the_beginning(kafka: FakeKafka) -> None:
    job_id = new_job_id()
    kafka.publish(*(event.model_copy(update={"job_id": job_id}) for event in run_of("run", 2)), at=1_000)
    found = VideoJobs(SETTINGS).results(job_id)
    assert len(found.chunks) == 2
    assert [set(positions.values()) for positions in kafka.started] == [{0, 1, 2}, {0}]


def test_the_latest_record_counts_when_an_id_was_submitted_twice(kafka: FakeKafka) -> None:
    kafka.publish(*run_of("second", 1, created_at=9)[:1])
    kafka.publish(*run_of("first", 2, created_at=5))
    found = VideoJobs(SETTINGS).results("job")
    assert [one.run_id for one in found.chunks] == ["second"]
    assert found.final is None


def test_results_are_sorted_and_complete(kafka: FakeKafka) -> None:
    kafka.publish(chunk(2), chunk(0), chunk(1), final(3))
    found = VideoJobs(SETTINGS).results("job")
    assert [one.chunk_index for one in found.chunks] == [0, 1, 2]
    assert found.final == final(3)
    assert kafka.open == 0


def test_a_job_that_is_not_there_is_said_to_be_unknown(kafka: FakeKafka) -> None:
    with pytest.raises(UnknownJobError, match="hold nothing of the job nobody: it has not started"):
        VideoJobs(SETTINGS).results("nobody")


def test_a_broker_that_falls_silent_is_not_waited_for_for_ever(
    kafka: FakeKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka.mute = True
    monkeypatch.setattr(reader, "SILENCE_SECONDS", 0.0)
    with pytest.raises(KafkaUnavailableError, match="silent"):
        VideoJobs(SETTINGS).results("job")
    assert kafka.open == 0
