"""`estimate`: real files, no model, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from consumer.cli.main import main
from consumer.demo.model_path import demo_model
from tests.media.videos import H264, make_video
from tests.unit.client.fakes import FakeKafka
from tests.unit.stream.builders import chunk, final

MODEL = ["--model-name", str(demo_model())]


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Ten seconds, a key frame each second."""
    return make_video(tmp_path / "talk.mp4", options={**H264, "g": "10"})


def estimated(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main(["estimate", *arguments, *MODEL, "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_the_table_says_what_it_costs_and_what_would_change(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", str(video), *MODEL, "--fps", "2", "--price-per-hour", "3600"]) == 0
    head, *lines = [re.split(r"\s{2,}", line.strip()) for line in capsys.readouterr().out.splitlines()]
    assert head == ["length", "chunks", "frames", "tokens", "GPU", "price"]
    rows = {cells[0]: cells[1:] for cells in lines}
    assert lines[0][0].endswith("/talk.mp4")
    assert lines[0][1:4] == ["0:00:10", "1", "20"]
    # At 3600 an hour, a second costs one.
    assert float(lines[0][6]) == pytest.approx(float(lines[0][5].removesuffix(" s")), abs=0.1)
    assert [name for name in rows if name.startswith("with ")] == [
        "with fps 0.5",
        "with fps 1",
        "with fps 4",
        "with chunk_duration 30",
        "with chunk_duration 120",
        "with keyframes_only",
    ]
    assert rows["with fps 1"][2] == "10"
    assert rows["with keyframes_only"][2] == "10"


def test_key_frames_are_those_of_the_file(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--chunk-duration", "5", "--chunk-overlap", "0", "--keyframes-only"]
    found = estimated(capsys, str(video), *few, "--no-compare")
    # Five in each chunk, and the model takes pairs.
    assert (found["total"]["frames"], found["total"]["about"]) == (8, False)  # type: ignore[index]
    # Five chunks of which three are looked at.
    many = ["--chunk-duration", "4.5", "--chunk-overlap", "3", "--keyframes-only", "--no-compare"]
    about = estimated(capsys, str(video), *many)["total"]
    exact = estimated(capsys, str(video), *many, "--decode")["total"]
    assert about["about"] is True  # type: ignore[index]
    assert exact["about"] is False  # type: ignore[index]
    assert about["frames"] == pytest.approx(exact["frames"], abs=2)  # type: ignore[index]


def test_a_directory_is_a_sum_and_a_broken_file_a_sentence(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "again.mp4").write_bytes(video.read_bytes())
    (tmp_path / "text.mp4").write_text("no video")
    assert main(["estimate", str(tmp_path), *MODEL, "--no-compare", "--json"]) == 1
    out, error = capsys.readouterr()
    found = json.loads(out)
    assert [Path(one["source"]).name for one in found["videos"]] == ["again.mp4", "talk.mp4"]
    assert found["total"]["prompt_tokens"] == 2 * found["videos"][0]["prompt_tokens"]
    assert error.startswith(f"{tmp_path / 'text.mp4'}: MEDIA_UNREADABLE: ")
    assert error.count("\n") == 1


def test_without_the_model_s_vocabulary_it_says_so(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", str(video), "--no-compare"]) == 0
    out = capsys.readouterr().out
    assert "exact but for the prompt's text, as MODEL_NAME's vocabulary is not here" in out
    assert "by an H200 with Qwen3-VL-8B in fp8" in out
    exact: dict[str, int] = estimated(capsys, str(video), "--no-compare")["total"]  # type: ignore[assignment]
    assert main(["estimate", str(video), "--no-compare", "--json"]) == 0
    # The small model's time stamps are a token shorter than Qwen's, which are taken for those of any model.
    as_qwen = exact["prompt_tokens"] + exact["frames"] // 2
    assert json.loads(capsys.readouterr().out)["total"]["prompt_tokens"] == pytest.approx(as_qwen, abs=3)


def test_throughput_is_that_of_a_card_one_s_own_or_a_job_s(
    video: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = [str(video), "--no-compare"]
    total = estimated(capsys, *one, "--tokens-per-second", "100")["total"]
    assert total["gpu_seconds"] == pytest.approx(total["prompt_tokens"] / 100)  # type: ignore[index]
    assert "price" not in total  # type: ignore[operator]
    kafka = FakeKafka.installed(monkeypatch)
    done = final(1)
    kafka.publish(chunk(0), done.model_copy(update={"tokens": done.tokens.model_copy(update={"prompt": 3_000})}))
    like = estimated(capsys, *one, "--like", "job", "--price-per-hour", "2")
    assert like["throughput"]["prompt_tokens_per_second"] == 1_500  # type: ignore[index]
    assert like["total"]["price"] == pytest.approx(like["total"]["gpu_seconds"] / 1800)  # type: ignore[index]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "give at least one SOURCE"),
        (["none.mp4"], 2, "there is no file none.mp4"),
        (["ftp://host/a.mp4"], 2, "ftp:// is no address that can be fetched"),
        (["s3://"], 2, "the address s3:// is incomplete"),
        (["a.mp4", "--card", "h100"], 2, "'h100' is not one of 'h200-bf16', 'h200-fp8'"),
        (["a.mp4", "--card", "h200-fp8", "--like", "job"], 2, "give one of --card, --tokens-per-second and --like"),
        (["a.mp4", "--tokens-per-second", "0"], 2, "0.0 is not in the range x>=1"),
        (["a.mp4", "--price-per-hour", "-1"], 2, "-1.0 is not in the range x>=0"),
        (["a.mp4", "--fps", "fast"], 2, "--fps: Input should be a valid number"),
        (["a.mp4", "--job-id", "x"], 2, "--video-url, --video-path and --job-id are not for estimates"),
        (["a.mp4", "--like", "job"], 1, "--like: the job job is not done or has read nothing; name a finished one."),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    says: str,
) -> None:
    FakeKafka.installed(monkeypatch).publish(chunk(0))
    (tmp_path / "a.mp4").write_bytes(b"")
    assert main(["estimate", *arguments]) == code
    out, error = capsys.readouterr()
    assert out == ""
    assert says in error
    assert error.count("\n") == 1
