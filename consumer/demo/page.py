"""The demo's results as a page, with pictures of its video."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from consumer.demo.settings import demo_settings
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from consumer.job.storyboard import Place, storyboard
from consumer.report import Video, render_report
from consumer.report.exports.outcome import Outcome
from consumer.report.files import write_whole
from consumer.report.video import file_link


def write_page(
    page: Path, video: Path, job: VideoJob, chunks: Sequence[ChunkResult], final: VideoResult, *, stays: bool
) -> None:
    """Write the report.

    Args:
        stays: whether the video is still there when the demo has ended.

    Raises:
        UnwritableError: it cannot be written.
    """
    settings = demo_settings("localhost", (video.parent,))
    pictures, note = storyboard(Place(None, str(video)), final.chunks, settings)
    shown = Video(video.name, file_link(video, page) if stays else None, pictures, note)
    outcome = Outcome.of(final.job_id, chunks, final, relative_times=settings.timestamps == "relative")
    write_whole(page, render_report(outcome, shown, asked=job), "--report")
