"""`submit --from-file`: jobs by the line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from consumer.cli import submitting
from consumer.cli.main import main
from tests.unit.cli.conftest import sent
from tests.unit.client.fakes import FakeKafka


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
        ({"video_url": "gate.mp4"}, "jobs.jsonl, line 2: video_url: it is no address; use s3://BUCKET/KEY or http"),
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
