"""`ask`: second questions, as the jobs that they become."""

from __future__ import annotations

import pytest

from consumer.cli.main import main
from consumer.errors import ErrorCode
from consumer.events.headers import event_id
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from tests.unit.client.fakes import CODEC, PARTITION, FakeKafka
from tests.unit.stream.builders import chunk, final, job

RUN = event_id("video.jobs", PARTITION, 0, "run")
FIRST = job("first").model_copy(
    update={"start_time": 5.0, "temperature": 0.1, "deadline": 1, "max_vision_tokens": 500, "metadata": {"a": "b"}}
)


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    """With a finished job `first`."""
    kafka = FakeKafka.installed(monkeypatch)
    kafka.records["video.jobs", PARTITION] = [(b"first", CODEC.encode(FIRST, "video.jobs"), 1_000)]
    kafka.publish(*results("first", RUN))
    return kafka


def results(job_id: str, run_id: str, **changes: object) -> list[ChunkResult | VideoResult]:
    ours = {"job_id": job_id, "run_id": run_id}
    return [
        chunk(0, num_chunks=1).model_copy(update=ours),
        final(1).model_copy(update={**ours, **changes}),
    ]


def sent(kafka: FakeKafka) -> VideoJob:
    (record,) = kafka.sent
    assert record[0] == "video.jobs"
    return CODEC.decode(VideoJob, record[2])


def test_again_is_a_job_without_a_video(kafka: FakeKafka, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "first", "--again", "Who speaks?", "--no-wait"]) == 0
    made = sent(kafka)
    assert capsys.readouterr().out == f"{made.job_id}\n"
    assert (made.source_job_id, made.source_run_id, made.zoom) == ("first", RUN, False)
    assert (made.prompt, made.aggregation_prompt, made.video_url) == ("Who speaks?", "Who speaks?", None)


def test_zoom_is_the_first_job_with_another_question(kafka: FakeKafka) -> None:
    assert main(["ask", "first", "--zoom", "Who speaks?", "--no-wait"]) == 0
    made = sent(kafka)
    assert (made.source_job_id, made.source_run_id, made.zoom) == ("first", RUN, True)
    assert (made.video_url, made.start_time, made.temperature) == ("s3://bucket/key", 5.0, 0.1)
    assert (made.prompt, made.fps, made.deadline, made.max_vision_tokens) == ("Who speaks?", None, None, 18_000)
    assert made.metadata == {"a": "b"}


def test_where_the_first_job_is_gone_its_video_must_be_named(
    kafka: FakeKafka, capsys: pytest.CaptureFixture[str]
) -> None:
    kafka.records["video.jobs", PARTITION] = []
    assert main(["ask", "first", "--zoom", "Who?", "--no-wait"]) == 2
    assert "the jobs topic holds the job first no more; give --video-url" in capsys.readouterr().err
    assert main(["ask", "first", "--zoom", "Who?", "--no-wait", "--video-url", "s3://b/k"]) == 0
    assert sent(kafka).video_url == "s3://b/k"


def test_a_question_about_an_answer_is_one_about_the_first_job(kafka: FakeKafka) -> None:
    made = final(1).provenance
    assert made is not None
    lineage = made.model_copy(update={"source_job_id": "first", "source_run_id": RUN})
    kafka.publish(results("again", "another", provenance=lineage)[1])
    assert main(["ask", "again", "--zoom", "Who?", "--no-wait"]) == 0
    assert (sent(kafka).source_job_id, sent(kafka).video_url) == ("first", "s3://bucket/key")


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("consumer.client.new_job_id", lambda: "second")
    # The fake producer's first record.
    return event_id("video.jobs", 1, 0, "run")


def test_the_answer_goes_to_stdout(kafka: FakeKafka, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    kafka.publish(*results("second", named))
    assert main(["ask", "first", "--again", "Who speaks?"]) == 0
    assert capsys.readouterr().out == "all of it\n"


def test_an_answer_that_is_not_whole_is_told(kafka: FakeKafka, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    failed = final(0, status="failed", code=ErrorCode.EVENT_INVALID).model_copy(update={"aggregated_response": None})
    kafka.publish(failed.model_copy(update={"job_id": "second", "run_id": named}))
    assert main(["ask", "first", "--again", "Who speaks?"]) == 1
    out, error = capsys.readouterr()
    assert out == ""
    assert "EVENT_INVALID: because." in error


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["first"], 2, "give one of --again TEXT and --zoom TEXT"),
        (["first", "--again", "a", "--zoom", "b"], 2, "give one of --again TEXT and --zoom TEXT"),
        (["first", "--again", " "], 2, "--again needs a text"),
        (["first", "--again", "a", "--video-url", "s3://b/k"], 2, "--video-url belongs to --zoom"),
        (["first", "--again", "a", "--no-wait", "--timeout", "1"], 2, "--timeout belongs to --wait"),
        (["first", "--again", "a" * 100_001], 2, "the question is wrong: String should have at most 100000 characters"),
        (["--again", "a"], 2, "Missing argument 'JOB'"),
        (["a b", "--again", "a"], 2, "'a b' can be no job_id"),
        (["running", "--again", "a"], 1, "The job running is not done; follow it with `video-consumer watch running`"),
        (["nobody", "--again", "a"], 1, "hold nothing of the job nobody"),
        (["first", "--again", "a", "--timeout", "0"], 1, "There is no final result of"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(
    kafka: FakeKafka, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    kafka.publish(chunk(0, job_id="running"))
    assert main(["ask", *arguments]) == code
    out, error = capsys.readouterr()
    assert out == ""
    assert says in error
    assert error.count("\n") == 1
