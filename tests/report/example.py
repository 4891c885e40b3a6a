"""The page that the documentation shows: of a generated video, with the texts that its script makes true."""

from __future__ import annotations

from pathlib import Path

from consumer.demo.render import frames
from consumer.demo.score import tellable
from consumer.demo.thing import SIZE
from consumer.demo.video import FPS, encode
from consumer.demo.world import write_script
from consumer.errors import ErrorCode
from consumer.events.models import VideoJob
from consumer.job.storyboard import Place, storyboard
from consumer.report import Video, render_report
from consumer.settings import Settings
from tests.report.pages import Story, error

SEED, SECONDS, CHUNK, OVERLAP = 53, 236, 20.0, 2.0
FAILED, REDUCED, WARNED = 7, 4, 9


def example_page(directory: Path) -> str:
    """The page; the video is written into the directory."""
    script = write_script(SEED, SECONDS)
    video = directory / "shapes.mp4"
    encode(video, frames(script, FPS), progress=lambda _: None)
    count = 1 + round((SECONDS - CHUNK) / (CHUNK - OVERLAP))
    starts = [index * (CHUNK - OVERLAP) for index in range(count)]
    told = [tellable(script.events, start, start + CHUNK, 2.0) for start in starts]
    story = Story(
        texts=[
            "\n".join(f"[{event.time:.1f}s] {event.sentence}" for event in events) or "Nothing happens."
            for events in told
        ],
        answer=f"{len(script.events)} things happen in four minutes, one after another. The first ones:\n"
        + "\n".join(f"[{event.time:.1f}s] {event.sentence}" for event in script.events[:6]),
        seconds=CHUNK,
        overlap=OVERLAP,
        failures={FAILED: error(ErrorCode.ENGINE_TIMEOUT, "The model had not answered after 600 s.")},
        changes={
            REDUCED: {"degraded": ["40 frames made 20 to fit max_frames_per_chunk 20"]},
            WARNED: {"warnings": ["1 of 4 times told lie outside 162 s to 182 s: 300.0 s"]},
        },
        metadata={"ticket": "VID-1207"},
        job_id="shapes-1",
        width=SIZE,
        height=SIZE,
        fps=FPS,
        bytes_per_second=3_000,
    )
    outcome = story.outcome(relative_times=False)
    settings = Settings.model_validate({"allowed_paths": [str(directory)]})
    pictures, note = storyboard(Place(None, str(video)), outcome.final.chunks if outcome.final else [], settings)
    asked = VideoJob(job_id="shapes-1", video_path=str(video), prompt="Describe what happens, with times.")
    return render_report(outcome, Video("shapes.mp4", "./shapes.mp4", pictures, note), asked=asked, price_per_hour=3.5)
