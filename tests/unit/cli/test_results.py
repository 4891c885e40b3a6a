"""`watch`, `results` and `cancel`: what there is of jobs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consumer.cli.main import main
from consumer.errors import ErrorCode
from consumer.events.combining import reference
from consumer.events.models import CancelJob
from tests.unit.client.fakes import CODEC, FakeKafka
from tests.unit.stream.builders import PROVENANCE, chunk, final


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    return FakeKafka.installed(monkeypatch)


def test_results_are_chunks_then_the_answer(kafka: FakeKafka, capsys: pytest.CaptureFixture[str]) -> None:
    kafka.publish(chunk(1, num_chunks=2), chunk(0, num_chunks=2), final(2))
    assert main(["results", "job"]) == 0
    captured = capsys.readouterr()
    assert captured.out == (
        "[0:00:00 - 0:01:00] text 0\n[0:00:58 - 0:01:58] text 1\n\nsucceeded, 2 of 2 chunks, 2.0 s\nall of it\n"
    )
    assert captured.err == ""


def test_a_terminal_obeys_nothing_of_the_answer(kafka: FakeKafka, capsys: pytest.CaptureFixture[str]) -> None:
    kafka.publish(chunk(0, num_chunks=1), final(1).model_copy(update={"aggregated_response": "a\x1b[2Jb"}))
    assert main(["results", "job"]) == 0
    assert capsys.readouterr().out.endswith("\na�[2Jb\n")


def test_results_as_json_are_the_http_response(kafka: FakeKafka, capsys: pytest.CaptureFixture[str]) -> None:
    kafka.publish(chunk(0, num_chunks=1), final(1))
    assert main(["results", "job", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["aggregated_response"] == "all of it"
    assert [one["response"] for one in answer["chunk_results"]] == ["text 0"]


def test_an_unfinished_job_shows_what_is_there(kafka: FakeKafka, capsys: pytest.CaptureFixture[str]) -> None:
    kafka.publish(chunk(0), chunk(2))
    assert main(["results", "job"]) == 1
    captured = capsys.readouterr()
    assert captured.out.count("text") == 2
    assert captured.err == "The job job is not done: 2 of 4 chunks are there.\n"
    assert main(["results", "job", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["status"] is None


def test_a_failed_job_says_why(kafka: FakeKafka, capsys: pytest.CaptureFixture[str]) -> None:
    failed = final(0, status="failed", code=ErrorCode.SOURCE_NOT_FOUND)
    kafka.publish(failed.model_copy(update={"aggregated_response": None}))
    assert main(["results", "job"]) == 0
    assert "SOURCE_NOT_FOUND: because. Check bucket, key and version" in capsys.readouterr().out


def test_an_unknown_job_is_one_sentence(kafka: FakeKafka, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["results", "nobody"]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("The topics video.chunk-results and video.results hold nothing of the job nobody")
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_what_can_be_no_id_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["results", "a b"]) == 2
    assert "'a b' can be no job_id" in capsys.readouterr().err


def test_watching_shows_a_line_a_result_until_all_are_done(
    kafka: FakeKafka, capsys: pytest.CaptureFixture[str]
) -> None:
    kafka.publish(chunk(0, num_chunks=1), chunk(0, job_id="other"), final(1))
    assert main(["watch", "job", "--timeout", "60"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "job  chunk 1 of 1  0:00:00 - 0:01:00  text 0",
        "job  succeeded, 1 of 1 chunks, 2.0 s  all of it",
    ]


def test_watching_ends_with_the_time_given(kafka: FakeKafka, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "job", "--timeout", "0"]) == 1
    assert "There is no final result of job after 0 s" in capsys.readouterr().err


def test_a_missing_topic_is_a_matter_of_configuration(kafka: FakeKafka, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "job", "--kafka-topic-prefix", "elsewhere"]) == 4
    assert "The topic elsewhere.jobs does not exist" in capsys.readouterr().err


def test_cancelling_sends_a_request_for_each_job(kafka: FakeKafka) -> None:
    assert main(["cancel", "one", "two", "--reason", "wrong file"]) == 0
    requests = [CODEC.decode(CancelJob, value) for _, _, value, _ in kafka.sent]
    assert [(request.job_id, request.reason) for request in requests] == [("one", "wrong file"), ("two", "wrong file")]


def test_cancelling_what_can_be_no_job_sends_nothing(kafka: FakeKafka, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cancel", "one", "a b"]) == 2
    assert "'a b' can be no job_id" in capsys.readouterr().err
    assert kafka.sent == []


def test_results_are_exported_as_the_suffix_says(
    kafka: FakeKafka, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kafka.publish(chunk(0, num_chunks=1), final(1))
    assert main(["results", "job", "--export", "a.srt", "--export", "b.md"]) == 0
    assert "text 0" in capsys.readouterr().out
    assert (tmp_path / "a.srt").read_text() == "1\n00:00:00,000 --> 00:01:00,000\ntext 0\n"
    assert (tmp_path / "b.md").read_text().startswith("# job\n\nall of it\n")


def test_what_there_is_of_an_unfinished_job_is_exported(kafka: FakeKafka, tmp_path: Path) -> None:
    kafka.publish(chunk(0))
    assert main(["results", "job", "--export", "a.json"]) == 1
    assert json.loads((tmp_path / "a.json").read_text())["status"] is None


@pytest.mark.parametrize("name", ["a.doc", "a", "no/a.md"])
def test_a_file_that_cannot_be_is_told_before_anything_is_read(
    kafka: FakeKafka, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["results", "job", "--export", name]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("video-consumer results: --export: ")
    assert captured.err.count("\n") == 1
    assert kafka.started == []


def test_the_report_is_a_page_of_what_is_there(kafka: FakeKafka, tmp_path: Path) -> None:
    kafka.publish(chunk(0, num_chunks=1), final(1))
    assert main(["results", "job", "--report", "page.html"]) == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "text 0" in page and "all of it" in page
    assert "where the video lies is not known; --video tells" in page
    kafka.publish(chunk(0, job_id="half"))
    assert main(["results", "half", "--report", "page.html"]) == 1
    assert "The job is not done: 1 of 4 chunks are there." in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_report_of_an_answer_put_together_again_has_the_texts_that_it_is_about(
    kafka: FakeKafka, tmp_path: Path
) -> None:
    first, again = final(1), final(1, job_id="again")
    about = PROVENANCE.model_copy(update={"source_job_id": "job", "source_run_id": "run"})
    listed = [reference(chunk(0, num_chunks=1))]
    kafka.publish(
        chunk(0, num_chunks=1),
        first.model_copy(update={"chunks": listed}),
        again.model_copy(update={"chunks": listed, "provenance": about}),
    )
    assert main(["results", "again", "--report", "page.html"]) == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "text 0" in page and "the results of the job job, run run" in page


def test_a_video_that_is_named_is_where_the_pictures_come_from(kafka: FakeKafka, tmp_path: Path) -> None:
    kafka.publish(chunk(0, num_chunks=1), final(1).model_copy(update={"chunks": [reference(chunk(0, num_chunks=1))]}))
    (tmp_path / "talk.mp4").write_text("no video")
    assert main(["results", "job", "--report", "page.html", "--video", "talk.mp4"]) == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "There are no pictures: MEDIA_UNREADABLE" in page
    assert 'href="./talk.mp4#t=0"' in page
    assert str(tmp_path) not in page
    assert main(["results", "job", "--report", "page.html", "--video", "talk.mp4", "--no-pictures"]) == 0
    assert "There are no pictures" not in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--report", "page.pdf"], "--report: the report is a page; give FILE.html, not page.pdf"),
        (["--report", "no/page.html"], "--report: there is no directory no"),
        (["--video", "a.mp4"], "--video belongs to --report"),
        (["--report", "page.html", "--video", "none.mp4"], "there is no file none.mp4"),
    ],
)
def test_wrong_options_of_the_report_are_told(
    kafka: FakeKafka, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    kafka.publish(chunk(0, num_chunks=1), final(1))
    assert main(["results", "job", *options]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.count("\n") == 1


def test_a_page_that_cannot_be_written_is_one_sentence(
    kafka: FakeKafka, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kafka.publish(chunk(0, num_chunks=1), final(1))
    (tmp_path / "page.html").write_text("before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    assert main(["results", "job", "--report", "page.html"]) == 1
    assert "--report: page.html cannot be written: No space left on device." in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert (tmp_path / "page.html").read_text() == "before"
