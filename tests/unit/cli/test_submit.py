"""`submit`: what is uploaded, what is sent, what is said."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from consumer.cli import submitting
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

    name = "videos"
    objects: dict[str, bytes]

    def __init__(self, settings: Settings) -> None:
        self.name = settings.s3_bucket

    def held(self, prefix: str, size: int) -> str | None:
        return next((key for key in self.objects if key.startswith(prefix)), None)

    def put(self, key: str, data: BinaryIO, size: int, content_type: str, told: Callable[[int], None]) -> None:
        if key.endswith("broken.mp4"):
            raise UploadError("The store is full.")
        self.objects[key] = data.read(size)
        told(size)


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    FakeBucket.objects = {}
    monkeypatch.setattr(store, "Bucket", FakeBucket)
    return FakeBucket.objects


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch, objects: dict[str, bytes]) -> FakeKafka:
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
    assert capsys.readouterr().err == "1 of 2 files were in the bucket already.\n"
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
    assert captured.err == "Of 3 jobs the first 1 were sent; the others were not:\nThe store is full.\n"
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


def written(tmp_path: Path, *lines: str | dict[str, Any]) -> str:
    """A file of jobs; returns its name."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (tmp_path / "jobs.jsonl").write_text("\n".join(texts) + "\n", encoding="utf-8")
    return "jobs.jsonl"


def test_a_file_of_jobs_has_one_a_line_and_options_fill_the_gaps(
    kafka: FakeKafka, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    name = written(
        tmp_path,
        {"job_id": "one", "video_url": "s3://b/k", "prompt": "Who?", "fps": None, "metadata": {"by": "me"}},
        "",
        {"job_id": "two", "source": "a.mp4", "deadline": "2999-01-31T12:00:00Z"},
        {"source": "https://h/x.mp4"},
    )
    options = ["--prompt", "What?", "--fps", "1", "--metadata", "case=7", "--metadata", "by=it"]
    assert main(["submit", "--from-file", name, *options]) == 0
    jobs = sent(kafka)
    assert capsys.readouterr().out.split() == [job.job_id for job in jobs]
    assert [job.job_id for job in jobs[:2]] == ["one", "two"]
    assert [(job.prompt, job.fps) for job in jobs] == [("Who?", None), ("What?", 1.0), ("What?", 1.0)]
    assert [job.metadata["by"] for job in jobs] == ["me", "it", "it"]
    assert {job.metadata["case"] for job in jobs} == {"7"}
    assert [(job.video_url or "")[-6:] for job in jobs] == ["s3://b/k"[-6:], "/a.mp4", "/x.mp4"]
    assert jobs[1].deadline == 32_474_779_200_000


def test_jobs_may_come_from_stdin(kafka: FakeKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = io.TextIOWrapper(io.BytesIO(b'\xef\xbb\xbf{"job_id": "one", "video_url": "s3://b/k"}\n'))
    monkeypatch.setattr("sys.stdin", lines)
    assert main(["submit", "--from-file", "-"]) == 0
    assert [job.job_id for job in sent(kafka)] == ["one"]


GOOD = {"job_id": "one", "video_url": "s3://b/k"}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", "jobs.jsonl, line 2 is not JSON: Expecting property name enclosed in double quotes at column 2"),
        ("[]", "jobs.jsonl, line 2 is no JSON object"),
        ("[" * 100_000, "jobs.jsonl, line 2 is nested too deeply"),
        ('{"fps": 1, "fps": 2}', "jobs.jsonl, line 2 has the field fps twice"),
        (" " * 5 * 2**20, "jobs.jsonl, line 2 is longer than 4,194,304 bytes"),
        (
            {"promt": "x", "video_url": "s3://b/k"},
            "line 2: the event has the field promt, which a VideoJob does not: did",
        ),
        ({"video_url": "s3://b/k", "fps": 0}, "line 2: the field fps is wrong: input should be greater than 0"),
        ({"prompt": "x"}, "line 2: the event is wrong: exactly one of video_url and video_path must be given"),
        ({"source": "none.mp4"}, "line 2: source: there is no file none.mp4"),
        ({"source": "."}, "line 2: source: . is a directory or a pattern; write a line"),
        ({"source": "a.mp4", "video_url": "s3://b/k"}, "line 2: give one of source, video_url and video_path"),
        ({"source": 5}, "line 2: source must be a text"),
        (GOOD, "jobs.jsonl, line 2 has the job_id of jobs.jsonl, line 1"),
    ],
)
def test_a_line_that_is_no_job_is_named_and_nothing_is_sent(
    kafka: FakeKafka,
    objects: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    line: str | dict[str, Any],
    sentence: str,
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    assert main(["submit", "--from-file", written(tmp_path, GOOD, line)]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert (kafka.sent, objects) == ([], {})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["s3://b/k"] * 3, "these are 3 jobs, more than 2; submit them in parts"),
        (["--from-file", "jobs.jsonl"], "jobs.jsonl has more than 2 jobs; split it"),
    ],
)
def test_there_is_an_end_to_how_many_are_sent_at_once(
    kafka: FakeKafka,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    sentence: str,
) -> None:
    monkeypatch.setattr(submitting, "MOST_JOBS", 2)
    written(tmp_path, *(GOOD | {"job_id": str(number)} for number in range(3)))
    assert main(["submit", *arguments]) == 2
    assert sentence in capsys.readouterr().err
    assert kafka.sent == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--video-url", "ftp://h/x"], "would be refused: video_url: ftp:// is no address that can be fetched"),
        (["--response-schema", '{"type": "strange"}'], "would be refused: response_schema is not a usable JSON Schema"),
        (["a.mp4", "--metadata", "x=" + "y" * 1_000_000], "is a message of 1,000,"),
    ],
)
def test_a_job_that_would_be_refused_is_refused_before_anything_is_uploaded(
    kafka: FakeKafka,
    objects: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    sentence: str,
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    sources = [] if "--video-url" in arguments or "a.mp4" in arguments else ["a.mp4"]
    assert main(["submit", *sources, *arguments]) == 1
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
        "There is no final result of job after 0 s; the work goes on, see `video-consumer watch`.\n"
    )
