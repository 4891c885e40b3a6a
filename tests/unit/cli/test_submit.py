"""`submit`: what is uploaded, what is sent, what is said."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from consumer.cli.main import main
from consumer.events.headers import event_id
from tests.unit.cli.conftest import sent
from tests.unit.client.fakes import FakeKafka
from tests.unit.stream.builders import chunk, final

# Of the first record that the fake cluster takes.
RUN_ID = event_id("video.jobs", 1, 0, "run")


def test_only_the_ids_go_to_stdout(kafka: FakeKafka, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", "s3://b/one.mp4", "https://h/two.mp4", "--prompt", "What?", "--fps", "1"]) == 0
    captured = capsys.readouterr()
    jobs = sent(kafka)
    assert captured.out.split() == [job.job_id for job in jobs]
    assert captured.err == ""
    assert [job.video_url for job in jobs] == ["s3://b/one.mp4", "https://h/two.mp4"]
    assert {(job.prompt, job.fps) for job in jobs} == {("What?", 1.0)}
    assert jobs[0].job_id != jobs[1].job_id


def test_a_file_is_uploaded_before_its_job_is_sent(kafka: FakeKafka, objects: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "my talk.mp4").write_bytes(b"x")
    assert main(["submit", "my talk.mp4", "--job-id", "talk-1", "--s3-bucket", "here"]) == 0
    key = f"uploads/{hashlib.sha256(b'x').hexdigest()}/my_talk.mp4"
    assert objects == {key: b"x"}
    assert [job.video_url for job in sent(kafka)] == [f"s3://here/{key}"]


def test_what_is_in_the_bucket_is_not_uploaded_again(
    kafka: FakeKafka, objects: dict[str, bytes], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    assert main(["submit", "a.mp4", "a.mp4"]) == 0
    assert capsys.readouterr().err == "", "one upload for two jobs"
    (tmp_path / "b.mp4").write_bytes(b"y")
    assert main(["submit", "*.mp4"]) == 0
    assert capsys.readouterr().err == "In the bucket already: 1 of 2 files.\n"
    assert sorted(key[-5:] for key in objects) == ["a.mp4", "b.mp4"]
    assert [(job.video_url or "")[-5:] for job in sent(kafka)] == ["a.mp4", "a.mp4", "a.mp4", "b.mp4"]


def test_ids_go_to_stdout_though_bars_are_drawn_on_stderr(
    kafka: FakeKafka, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    (tmp_path / "a.mp4").write_bytes(b"x")
    assert main(["submit", "a.mp4", "s3://b/k"]) == 0
    captured = capsys.readouterr()
    assert captured.out.split() == [job.job_id for job in sent(kafka)]
    assert captured.err != "", "else no bar was drawn, and the test shows nothing"


def test_a_job_whose_file_was_not_taken_is_not_sent(
    kafka: FakeKafka, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("a.mp4", "broken.mp4", "c.mp4"):
        (tmp_path / name).write_bytes(name.encode())
    assert main(["submit", "."]) == 1
    captured = capsys.readouterr()
    assert captured.err == "Sent: the first 1 of 3 jobs; then there was an error.\nThe store is full.\n"
    assert captured.out.split() == [job.job_id for job in sent(kafka)]
    assert len(sent(kafka)) == 1


def test_a_path_on_the_consumer_s_machine_is_sent_as_it_is(kafka: FakeKafka) -> None:
    assert main(["submit", "--video-path", "/data/a.mp4"]) == 0
    assert [job.video_path for job in sent(kafka)] == ["/data/a.mp4"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "give at least one SOURCE"),
        (["s3://b/k", "--video-url", "s3://b/k"], "give either SOURCE or --video-url, not both"),
        (["s3://b/k", "s3://b/l", "--job-id", "one"], "--job-id names one job, but there are 2 sources"),
        (["s3://b/k", "--timeout", "5"], "--timeout belongs to --wait"),
        (["none.mp4"], "there is no file none.mp4"),
        (["s3://b/k", "--max-tokens", "0"], "--max-tokens: "),
        (["a.mp4", "empty.mp4"], "the file empty.mp4 is empty"),
        (["a.mp4", "--set", "MAX_SOURCE_BYTES=1"], "the file a.mp4 has 2 bytes, more than MAX_SOURCE_BYTES (1)"),
        (["a.mp4", "none*.mp4"], "no file matches the pattern none*.mp4"),
        (["--from-file", "none.jsonl"], "--from-file: none.jsonl cannot be read: No such file or directory"),
        (["--from-file", "jobs.jsonl", "a.mp4"], "give either SOURCE or --from-file, not both"),
        (["--from-file", "jobs.jsonl", "--job-id", "one"], "--job-id is for one job"),
        (["--from-file", "jobs.jsonl", "--video-url", "s3://b/k"], "--video-url is for one job"),
        (["--from-file", "empty.mp4"], "--from-file: empty.mp4 holds no job"),
    ],
)
def test_wrong_usage_sends_nothing(
    kafka: FakeKafka,
    objects: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"xy")
    (tmp_path / "empty.mp4").touch()
    assert main(["submit", *arguments]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.out == ""
    assert (kafka.sent, objects) == ([], {})


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--video-url", "ftp://h/x"], 2, "submit: video_url: ftp:// is no address that can be fetched"),
        (["--response-schema", '{"type": "strange"}'], 2, "submit: response_schema is not a usable JSON Schema"),
        (["--deadline", "2020-01-01T00:00:00Z"], 2, "submit: deadline: it has passed; name a later one"),
        (["a.mp4", "--metadata", "x=" + "y" * 1_000_000], 1, "is a message of 1,000,"),
    ],
)
def test_a_job_that_would_be_refused_is_refused_before_anything_is_uploaded(
    kafka: FakeKafka,
    objects: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    code: int,
    sentence: str,
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    sources = [] if "--video-url" in arguments or "a.mp4" in arguments else ["a.mp4"]
    assert main(["submit", *sources, *arguments]) == code
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.out == ""
    assert (kafka.sent, objects) == ([], {})


def test_nothing_is_uploaded_where_there_is_no_topic(
    kafka: FakeKafka, objects: dict[str, bytes], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    del kafka.topics["video.jobs"]
    (tmp_path / "a.mp4").write_bytes(b"x")
    assert main(["submit", "a.mp4"]) == 4
    assert "The topic video.jobs does not exist" in capsys.readouterr().err
    assert objects == {}


def finish(kafka: FakeKafka, success: bool) -> None:
    """Put the results of the first record that will be sent where they will be looked for."""
    result = final(1, status="succeeded" if success else "partial")
    kafka.publish(*(event.model_copy(update={"run_id": RUN_ID}) for event in (chunk(0, num_chunks=1), result)))


@pytest.mark.parametrize(("success", "code"), [(True, 0), (False, 1)])
def test_waiting_follows_on_stderr_and_ends_as_the_job_does(
    kafka: FakeKafka, capsys: pytest.CaptureFixture[str], success: bool, code: int
) -> None:
    finish(kafka, success)
    assert main(["submit", "s3://b/k", "--job-id", "job", "--wait", "--timeout", "60"]) == code
    captured = capsys.readouterr()
    assert captured.out == "job\n"
    assert "chunk 1 of 1" in captured.err
    assert "all of it" in captured.err


def test_waiting_in_vain_says_so(kafka: FakeKafka, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", "s3://b/k", "--job-id", "job", "--wait", "--timeout", "0"]) == 1
    assert capsys.readouterr().err == (
        "There is no final result of job after 0 s; "
        "a job that was submitted goes on, and `video-consumer watch` follows it.\n"
    )
