"""The demo's course with stand-ins for the consumer and the client: what it shows, and its exit code."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest

from consumer.demo import run as demo
from consumer.demo.consumer_thread import ConsumerEndedError
from consumer.demo.render import frames
from consumer.demo.run import Plan, run_demo
from consumer.demo.score import tellable
from consumer.demo.video import FPS, encode
from consumer.demo.world import Script, write_script
from consumer.errors import ErrorCode, VideoConsumerError
from consumer.events.models import ChunkResult, ErrorInfo, VideoJob, VideoResult
from consumer.inference.vllm_engine import StartSeconds
from consumer.settings import Settings
from tests.unit.demo.test_report import chunk, final

SEED, SECONDS = 5, 30


class Shown:
    """A display that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is kept open."""

    def line(self, text: str = "") -> None:
        self.lines.append(text)

    def stage(self, text: str) -> None:
        self.lines.append(f"... {text}")

    def tick(self, detail: str = "") -> None:
        """Time does not matter here."""

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class StillConsumer:
    """A consumer that is ready at the second look and does nothing."""

    def __init__(self, settings: Settings, waiting: Callable[[], None]) -> None:
        self.looks = 0
        self.start_seconds = StartSeconds(12.0, 23.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing runs."""

    def missing(self) -> list[str]:
        self.looks += 1
        return ["engine"] if self.looks == 1 else []

    def check(self) -> None:
        """It is alive."""


class Client:
    """A client that hands out what it was given."""

    answers: ClassVar[list[ChunkResult | VideoResult | Exception]] = []
    jobs: ClassVar[list[VideoJob]] = []

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def submit(self, job: VideoJob) -> None:
        assert job.video_path is not None and Path(job.video_path).is_file()
        assert str(Path(job.video_path).parent) in self.settings.allowed_paths
        self.jobs.append(job)

    def follow(self, jobs: Collection[str], timeout: float) -> Iterator[ChunkResult | VideoResult]:
        assert list(jobs) == [self.jobs[-1].job_id] and timeout > 0
        for answer in self.answers:
            if isinstance(answer, Exception):
                raise answer
            yield answer


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "ConsumerThread", StillConsumer)
    monkeypatch.setattr(demo, "VideoJobs", Client)
    monkeypatch.setattr(demo, "prepare_environment", lambda **_: None)
    # Nobody looks at the video here; all of it is drawn in test_video.py.
    monkeypatch.setattr(demo, "encode", lambda path, frames, **options: encode(path, islice(frames, 4), **options))
    monkeypatch.setattr(Client, "jobs", [])
    monkeypatch.setattr(Client, "answers", [])


def told(script: Script, start: float, end: float, wrong: bool = False) -> str:
    events = tellable(script.events, start, end, 2)
    off = 5.0 if wrong else 0.3
    return "\n".join([f"marker {script.marker:02d}", *(f"[{e.time + off:.1f}s] {e.sentence}" for e in events)])


def answers(*, wrong: bool = False) -> list[ChunkResult | VideoResult | Exception]:
    script = write_script(SEED, SECONDS)
    first = chunk(told(script, 0, 20, wrong)).model_copy(update={"chunk_index": 0, "start_time": 0.0, "end_time": 20.0})
    second = chunk(told(script, 18, 30, wrong))
    return [first, second, final(told(script, 0, 40))]


def play(**options: Any) -> tuple[int, Shown]:
    shown = Shown()
    return run_demo(Plan(SEED, SECONDS, **options), shown), shown


def test_all_right_ends_with_zero_and_says_where_the_real_thing_is() -> None:
    Client.answers = answers()
    code, shown = play()
    assert code == 0
    script = write_script(SEED, SECONDS)
    assert f"30 s from seed 5 (--seed 5 shows it again), {len(script.events)} events" in shown.text
    assert "chunk 1 of 4, 0 s to 20 s" in shown.text
    assert "recall 100.0%" in shown.text and "missed" not in shown.text and "wrong   " not in shown.text
    assert "make services" in shown.lines[-1]
    (job,) = Client.jobs
    assert (job.temperature, job.presence_penalty, job.chunk_duration, job.chunk_overlap) == (0, 0, 20, 2)


def test_it_says_where_the_time_of_the_start_went() -> None:
    Client.answers = answers()
    _, shown = play()
    assert "imports took 12 s, and its own processes, which import it again and load the model, 23 s" in shown.text


def test_the_report_holds_what_the_model_said(tmp_path: Path) -> None:
    Client.answers = answers()
    page = tmp_path / "page.html"
    code, shown = play(report=page)
    assert code == 0
    assert f"The report is {page}." in shown.lines
    script, text = write_script(SEED, SECONDS), page.read_text(encoding="utf-8")
    assert all(event.sentence in text for event in script.events)


def test_a_report_that_cannot_be_written_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("consumer.report.files._write", full)
    Client.answers = answers()
    with pytest.raises(
        VideoConsumerError, match=r"^--report: .*page\.html cannot be written: No space left on device\.$"
    ):
        play(report=tmp_path / "page.html")


def test_answers_that_are_wrong_end_with_one() -> None:
    Client.answers = answers(wrong=True)
    code, shown = play()
    assert code == 1
    assert "something is broken" in shown.text and "missed" in shown.text


@pytest.mark.parametrize(("chunks", "said"), [(12, False), (13, True)])
def test_a_long_merge_that_went_wrong_is_explained(chunks: int, said: bool) -> None:
    merged = final("[1.0s] a red circle stops").model_copy(update={"num_chunks": chunks})
    Client.answers = [*answers()[:2], merged]
    code, shown = play()
    assert code == 0
    assert ("may lose its place" in shown.text) is said


def test_a_failed_job_ends_with_one_and_says_why() -> None:
    error = ErrorInfo(code=ErrorCode.ENGINE_DIED, message="The engine's process ended.", retryable=True)
    Client.answers = [final(None).model_copy(update={"success": False, "status": "failed", "error": error})]
    code, shown = play()
    assert code == 1
    assert "ENGINE_DIED: The engine's process ended." in shown.text


def test_a_consumer_that_ends_ends_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dying(StillConsumer):
        def check(self) -> None:
            raise ConsumerEndedError("The consumer ended with exit code 1.")

    monkeypatch.setattr(demo, "ConsumerThread", Dying)
    with pytest.raises(ConsumerEndedError, match="exit code 1"):
        play()


def test_what_the_client_raises_arrives() -> None:
    Client.answers = [VideoConsumerError("no broker")]
    with pytest.raises(VideoConsumerError, match="no broker"):
        play()


def test_a_video_of_ones_own_is_shown_with_a_warning(tmp_path: Path) -> None:
    video = tmp_path / "mine.mp4"
    encode(video, islice(frames(write_script(SEED, SECONDS), FPS), 4))
    Client.answers = [chunk("a line"), final("the whole")]
    code, shown = play(video=video)
    assert code == 0
    assert "knows only its own world" in shown.text
    assert "    a line" in shown.lines and "    the whole" in shown.lines
    assert "script" not in shown.text
    assert video.exists()


def test_a_file_that_is_no_video_is_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(demo, "ConsumerThread", None)
    video = tmp_path / "mine.mp4"
    video.write_bytes(b"a letter")
    with pytest.raises(VideoConsumerError, match=r"mine\.mp4: MEDIA_UNREADABLE: .*\. [A-Z]"):
        play(video=video)


def test_nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    Client.answers = answers()
    play()
    assert list(tmp_path.iterdir()) == []
