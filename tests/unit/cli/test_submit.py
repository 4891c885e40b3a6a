"""`submit`: what is uploaded, what is sent, what is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from consumer.cli.main import main
from consumer.client import UploadError, store
from consumer.events.headers import event_id
from consumer.events.models import VideoJob
from consumer.settings import Settings
from tests.unit.client.fakes import CODEC, FakeKafka
from tests.unit.stream.builders import chunk, final

# Of the first record that the fake cluster takes.
RUN_ID = event_id("video.jobs", 1, 0, "run")


class FakeBucket:
    """Takes every file but those called broken.mp4."""

    uploads: list[tuple[Path, str]]

    def __init__(self, settings: Settings) -> None:
        """Connects to nothing."""

    def upload(self, path: Path, key: str, progress: Callable[[int], None]) -> str:
        if path.name == "broken.mp4":
            raise UploadError("The store is full.")
        self.uploads.append((path, key))
        progress(path.stat().st_size)
        return f"s3://videos/{key}"


@pytest.fixture
def uploads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, str]]:
    FakeBucket.uploads = []
    monkeypatch.setattr(store, "Bucket", FakeBucket)
    return FakeBucket.uploads


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch, uploads: list[tuple[Path, str]]) -> FakeKafka:
    return FakeKafka.installed(monkeypatch)


def sent(kafka: FakeKafka) -> list[VideoJob]:
    return [CODEC.decode(VideoJob, value) for _, _, value, _ in kafka.sent]


def test_only_the_ids_go_to_stdout(kafka: FakeKafka, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", "s3://b/one.mp4", "https://h/two.mp4", "--prompt", "What?", "--fps", "1"]) == 0
    captured = capsys.readouterr()
    jobs = sent(kafka)
    assert captured.out.split() == [job.job_id for job in jobs]
    assert captured.err == ""
    assert [job.video_url for job in jobs] == ["s3://b/one.mp4", "https://h/two.mp4"]
    assert {(job.prompt, job.fps) for job in jobs} == {("What?", 1.0)}
    assert jobs[0].job_id != jobs[1].job_id


def test_a_file_is_uploaded_before_its_job_is_sent(
    kafka: FakeKafka, uploads: list[tuple[Path, str]], tmp_path: Path
) -> None:
    (tmp_path / "my talk.mp4").write_bytes(b"x")
    assert main(["submit", "my talk.mp4", "--job-id", "talk-1", "--s3-bucket", "here"]) == 0
    assert uploads == [(Path("my talk.mp4"), "uploads/talk-1/my_talk.mp4")]
    assert [job.video_url for job in sent(kafka)] == ["s3://here/uploads/talk-1/my_talk.mp4"]


def test_a_job_whose_file_was_not_taken_is_not_sent(
    kafka: FakeKafka, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("a.mp4", "broken.mp4", "c.mp4"):
        (tmp_path / name).write_bytes(b"x")
    assert main(["submit", "."]) == 1
    captured = capsys.readouterr()
    assert captured.err == "The store is full.\n"
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
    ],
)
def test_wrong_usage_sends_nothing(
    kafka: FakeKafka,
    uploads: list[tuple[Path, str]],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    assert main(["submit", *arguments]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.out == ""
    assert (kafka.sent, uploads) == ([], [])


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
        "There is no final result of job after 0 s; the work goes on, see `video-consumer watch`.\n"
    )
