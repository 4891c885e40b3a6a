"""`process`: a real file through the real decoder and the synthetic engine."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from consumer.cli.main import main
from consumer.cli.process import plan
from consumer.inference.synthetic import SyntheticEngine
from consumer.report import exports
from consumer.report.files import UnwritableError
from consumer.settings import Settings, load_settings
from tests.media.videos import make_video

SETTINGS = load_settings(environment={}).settings
QUICK = ["--engine", "synthetic", "--chunk-duration", "5", "--chunk-overlap", "0"]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds."""
    return make_video(tmp_path_factory.mktemp("video") / "talk.mp4")


def test_chunks_come_first_and_then_the_answer(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["process", str(video), *QUICK]) == 0
    *chunks, blank, answer = capsys.readouterr().out.splitlines()
    assert sorted(line.split("]")[0] for line in chunks) == ["[0:00:00 - 0:00:05", "[0:00:05 - 0:00:10"]
    assert all('"frames": 10' in line for line in chunks), chunks
    assert blank == ""
    assert json.loads(answer)["chunks"] == 2


def test_json_is_the_original_s_response(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["process", str(video), *QUICK, "--json", "--metadata", "ticket=7"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["success"] is True
    assert (answer["num_chunks"], answer["total_successful_chunks"]) == (2, 2)
    assert answer["video_info"]["duration"] == pytest.approx(10)
    assert [(one["start_time"], one["end_time"]) for one in answer["chunk_results"]] == [(0, 5), (5, 10)]
    assert answer["metadata"] == {"ticket": "7"}


def test_what_is_no_video_is_one_sentence_with_a_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    assert main(["process", "text.mp4", *QUICK]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("MEDIA_UNREADABLE: ")
    assert captured.err.count("\n") == 1


def test_a_file_that_cannot_be_written_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise UnwritableError("out.srt cannot be written: No space left on device.")

    monkeypatch.setattr(exports, "write_export", full)
    (tmp_path / "text.mp4").write_text("no video")
    assert main(["process", "text.mp4", *QUICK, "--export", "out.srt"]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("MEDIA_UNREADABLE: ")
    assert second == "out.srt cannot be written: No space left on device."


def test_no_model_is_loaded_for_what_is_no_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def start(_: SyntheticEngine) -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(SyntheticEngine, "start", start)
    (tmp_path / "text.mp4").write_text("no video")
    assert main(["process", "text.mp4", *QUICK]) == 1
    assert capsys.readouterr().err.startswith("MEDIA_UNREADABLE: ")
    assert main(["process", "text.mp4", *QUICK, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["success"] is False


def test_only_the_file_s_own_directory_is_opened_up(video: Path) -> None:
    settings, job = plan(str(video), {}, SETTINGS)
    assert settings.allowed_paths == (str(video.parent),)
    assert job.video_path == str(video)
    assert settings.allowed_hosts == ()


@pytest.mark.parametrize(
    ("url", "hosts"), [("https://user@h.example:8080/a.mp4", ("h.example",)), ("s3://bucket/key", ())]
)
def test_the_host_of_an_address_counts_as_allowed(url: str, hosts: tuple[str, ...]) -> None:
    settings, job = plan(url, {}, SETTINGS)
    assert (job.video_url, settings.allowed_hosts) == (url, hosts)
    assert settings.allowed_paths == ()


def test_what_the_settings_allow_stays_allowed(video: Path) -> None:
    settings, _ = plan(str(video), {}, Settings.model_validate({"allowed_paths": ["/data"]}))
    assert settings.allowed_paths == ("/data", str(video.parent))


@pytest.mark.parametrize(
    ("source", "fields", "sentence"),
    [
        (None, {}, "give one SOURCE"),
        ("a.mp4", {"video_url": "s3://b/k"}, "give SOURCE or --video-url, not both"),
        (".", {}, ". is a directory or a pattern; give one video"),
    ],
)
def test_wrong_usage_is_told(source: str | None, fields: dict[str, str], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    with pytest.raises(click.UsageError, match=sentence):
        plan(source, fields, SETTINGS)


def test_files_are_written_at_the_end(video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--export", "a.vtt", "--export", "a.parquet", "--report", "a.html"]
    assert main(["process", str(video), *QUICK, *files, "--prompt", "What <i>?"]) == 0
    assert "00:00:05.000 --> 00:00:10.000" in (tmp_path / "a.vtt").read_text()
    assert (tmp_path / "a.parquet").read_bytes().startswith(b"PAR1")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 2
    assert f"/{video.parent.name}/talk.mp4#t=5" in page
    assert "What &lt;i&gt;?" in page
    assert main(["process", str(video), *QUICK, "--export", "a.txt"]) == 2
    assert "the suffix of a.txt says no format" in capsys.readouterr().err
