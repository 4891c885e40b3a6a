"""The demo: a generated video through the whole consumer, on one machine and without network."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from consumer.client import VideoJobs
from consumer.demo import report
from consumer.demo.broker import EmbeddedBroker
from consumer.demo.consumer_thread import ConsumerThread
from consumer.demo.display import Display
from consumer.demo.page import write_page
from consumer.demo.quiet import QuietStderr
from consumer.demo.render import frames
from consumer.demo.score import Score
from consumer.demo.settings import (
    CHUNK_SECONDS,
    CHUNK_TOKENS,
    FOREIGN_MAX_TOKENS,
    FPS,
    MAX_TOKENS,
    OVERLAP_SECONDS,
    demo_settings,
    prepare_environment,
)
from consumer.demo.video import FPS as VIDEO_FPS
from consumer.demo.video import encode, require_video
from consumer.demo.world import Script, write_script
from consumer.errors import VideoConsumerError
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from consumer.events.topics import Topics
from consumer.settings import Settings

PROMPT = "Describe what happens, with times."
AGGREGATION_PROMPT = "Merge the chunks into one list in time order, each event once."
JOB_ID = "demo"
PASS_MARK = 0.9
"""Share of right lines and of told events below which the demo has failed; the model reaches more than 0.99."""
SURE_CHUNKS = 12
"""The lists of so many chunks the model merges without losing its place, by its MODEL_CARD.md; more were not tried."""
LIMIT_SECONDS = 1800.0
_TURN_SECONDS = 0.2

Result = ChunkResult | VideoResult


class DemoError(VideoConsumerError):
    """The demo did not come to its end."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to show: a generated video of `seconds` from `seed`, or a file; `report` is where to write a page."""

    seed: int
    seconds: int
    video: Path | None = None
    report: Path | None = None
    debug: bool = False


def run_demo(plan: Plan, show: Display, check: Callable[[], None] = lambda: None) -> int:
    """Run it; returns the exit code: 1 if the job or the model failed.

    Args:
        check: called again and again while something is waited for; may raise to end it.

    Raises:
        ConfigurationError: the installation lacks something.
        VideoConsumerError: the file is no video, or the broker or the consumer did not work.
    """
    directory = Path(tempfile.mkdtemp(prefix="video-consumer-demo-"))
    try:
        prepare_environment(scratch=directory, debug=plan.debug)
        with nullcontext() if plan.debug else QuietStderr(directory / "stderr.log"):
            return _Demo(plan, show, directory, check).run()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


class _Demo:
    def __init__(self, plan: Plan, show: Display, directory: Path, check: Callable[[], None]) -> None:
        self._plan, self._show, self._directory, self._check = plan, show, directory, check
        self._script = write_script(plan.seed, plan.seconds) if plan.video is None else None
        self._score = Score(0, 0, 0)
        self._markers_wrong = 0
        self._chunks: list[ChunkResult] = []
        self._took: dict[str, float] = {}

    def run(self) -> int:
        started = time.monotonic()
        self._introduce()
        video = self._video()
        topics = Topics()
        names = (topics.jobs, topics.control, topics.dead_letters, topics.chunk_results, topics.results)
        with EmbeddedBroker(names) as broker:
            settings = demo_settings(broker.bootstrap_servers, (video.parent,))
            if self._script is None:
                require_video(video, settings)
            with ConsumerThread(settings, self._show.tick) as consumer:
                if self._script is not None:
                    self._draw(self._script, video)
                self._wait_until_ready(consumer, started)
                final = self._follow(consumer, settings, video)
                self._show.stage("stopping the consumer")
        return self._conclude(final, time.monotonic() - started)

    def _video(self) -> Path:
        return self._plan.video.resolve() if self._plan.video is not None else self._directory / "demo.mp4"

    def _introduce(self) -> None:
        show, script = self._show, self._script
        show.line(
            "Everything runs on this machine: a broker, the consumer, vLLM on the CPU with a very small Qwen3-VL."
        )
        if script is None:
            show.line(
                "Warning: the small model knows only its own world of coloured shapes; "
                "of another video, this one too, it tells nothing true."
            )
            return
        show.line(
            f"The video: {script.seconds} s from seed {self._plan.seed} (--seed {self._plan.seed} shows it again), "
            f"{len(script.events)} events, marker {script.marker:02d}."
        )

    def _draw(self, script: Script, path: Path) -> None:
        """While vLLM loads, which leaves little of the machine, but something."""
        show, total = self._show, script.seconds * VIDEO_FPS
        began = time.monotonic()
        show.stage("starting vLLM, and meanwhile drawing the video")
        encode(path, frames(script, VIDEO_FPS), progress=lambda done: self._tick(f"{done / total:.0%} drawn"))
        self._took["drawing the video"] = time.monotonic() - began
        show.line(f"The video is drawn: H.264 in MP4, {path.stat().st_size / 1000:.0f} kB.")

    def _wait_until_ready(self, consumer: ConsumerThread, started: float) -> None:
        self._show.stage("starting vLLM, whose imports in three processes take most of the time")
        while missing := consumer.missing():
            if time.monotonic() - started > LIMIT_SECONDS:
                raise DemoError(
                    f"The consumer was not ready within {LIMIT_SECONDS:.0f} s: {', '.join(missing)} missing."
                )
            self._tick(f"{', '.join(missing)} not ready")
            time.sleep(_TURN_SECONDS)
        self._took["starting vLLM"] = time.monotonic() - started
        self._show.line(f"The consumer is ready after {self._took['starting vLLM']:.0f} s{_parts(consumer)}.")

    def _follow(self, consumer: ConsumerThread, settings: Settings, video: Path) -> VideoResult:
        began = time.monotonic()
        self._show.stage("describing the video")
        for done, event in enumerate(_events(consumer, settings, self._job(video), self._tick), 1):
            if isinstance(event, VideoResult):
                self._took["describing the video"] = time.monotonic() - began
                self._final(event)
                return event
            self._show.tick(f"{done} of {event.num_chunks} chunks")
            self._chunk(event)
        raise DemoError("The final result did not come.")

    def _job(self, video: Path) -> VideoJob:
        own = self._script is not None
        return VideoJob(
            job_id=JOB_ID,
            video_path=str(video),
            prompt=PROMPT,
            aggregation_prompt=AGGREGATION_PROMPT,
            max_tokens=MAX_TOKENS if own else FOREIGN_MAX_TOKENS,
            temperature=0.0,
            presence_penalty=0.0,
            chunk_duration=CHUNK_SECONDS,
            chunk_overlap=OVERLAP_SECONDS,
            fps=FPS,
            max_vision_tokens=CHUNK_TOKENS,
        )

    def _chunk(self, chunk: ChunkResult) -> None:
        self._chunks.append(chunk)
        self._show.line()
        self._show.line(report.heading(chunk))
        if chunk.error is not None:
            self._show.line(f"    failed  {chunk.error.code.value}: {chunk.error.message}")
        elif self._script is None:
            self._lines(report.plain(chunk.response))
        else:
            marked = report.mark_chunk(chunk, self._script)
            self._score += marked.score
            self._markers_wrong += not marked.marker_right
            self._lines(marked.lines)

    def _final(self, final: VideoResult) -> None:
        self._show.line()
        self._show.line(
            f"the whole video: {final.status}, {final.total_successful_chunks} of {final.num_chunks} chunks"
        )
        if final.error is not None:
            self._show.line(f"    failed  {final.error.code.value}: {final.error.message}")
        if self._script is None:
            self._lines(report.plain(final.aggregated_response))
            return
        marked = report.mark_final(final, self._script)
        self._lines(marked.lines)
        self._show.line()
        self._show.line(f"chunks against the script:       {self._score}, {self._markers_wrong} markers wrong")
        self._show.line(f"whole video against the script:  {marked.score}")
        if final.num_chunks > SURE_CHUNKS and min(marked.score.recall, marked.score.precision) < PASS_MARK:
            self._show.line(
                f"Merging more than {SURE_CHUNKS} lists, this small model may lose its place: see its MODEL_CARD.md."
            )

    def _tick(self, detail: str = "") -> None:
        self._check()
        self._show.tick(detail)

    def _lines(self, lines: list[str] | tuple[str, ...]) -> None:
        for line in lines:
            self._show.line(line)

    def _conclude(self, final: VideoResult, seconds: float) -> int:
        if self._plan.report is not None:
            self._show.stage("writing the report, with a picture of each chunk")
            self._write_page(self._plan.report, final)
            self._show.line(f"The report is {self._plan.report}.")
        took = ", ".join(f"{name} {value:.0f} s" for name, value in self._took.items())
        self._show.line(f"It took {seconds:.0f} s: {took}.")
        failed = final.status != "succeeded"
        if self._script is not None and min(self._score.recall, self._score.precision) < PASS_MARK:
            self._show.line(
                f"The model is right in less than {PASS_MARK:.0%} of the chunks' lines: something is broken."
            )
            failed = True
        self._show.line(
            "The real thing: `make services` starts Kafka and MinIO on this machine, docker-compose.yml the same as "
            "containers; the README says how to go on."
        )
        return 1 if failed else 0

    def _write_page(self, path: Path, final: VideoResult) -> None:
        """In a thread, since it decodes and this one has to say that it is alive."""
        video, own = self._video(), self._script is not None
        with ThreadPoolExecutor(1, "report") as pool:
            writing = pool.submit(write_page, path, video, self._job(video), self._chunks, final, stays=not own)
            while not wait([writing], timeout=_TURN_SECONDS).done:
                self._tick()
        writing.result()


def _parts(consumer: ConsumerThread) -> str:
    """Where the time of the start went."""
    took = consumer.start_seconds
    if took is None:
        return ""
    return (
        f": vLLM's imports took {took.imports:.0f} s, and its own processes, which import it again and load the model, "
        f"{took.processes:.0f} s"
    )


def _events(consumer: ConsumerThread, settings: Settings, job: VideoJob, tick: Callable[[], None]) -> Iterator[Result]:
    """Submit the job and hand out its results; between them look after the consumer and give signs of life."""
    arrived: SimpleQueue[Result | Exception] = SimpleQueue()
    # Following blocks until something comes, and this thread has to say that it is alive.
    threading.Thread(target=_deliver, args=(settings, job, arrived), name="client", daemon=True).start()
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        try:
            event = arrived.get(timeout=_TURN_SECONDS)
        except Empty:
            consumer.check()
            tick()
            continue
        if isinstance(event, Exception):
            raise event
        yield event
        if isinstance(event, VideoResult):
            return
    raise DemoError(f"The job was not done within {LIMIT_SECONDS:.0f} s.")


def _deliver(settings: Settings, job: VideoJob, arrived: SimpleQueue[Result | Exception]) -> None:
    try:
        with VideoJobs(settings) as client:
            client.submit(job)
            # By its id, which is read from the beginning: the embedded broker cannot look for a time stamp.
            for event in client.follow([job.job_id], LIMIT_SECONDS):
                arrived.put(event)
    except Exception as error:  # noqa: BLE001 - raised again in the thread that shows the results
        arrived.put(error)
