"""`--report FILE.html`, for every command that has results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from consumer.events.models import ChunkResult, VideoJob, VideoResult
    from consumer.report.video import Picture, Video
    from consumer.settings import Settings


def _checked(_context: click.Context, _parameter: click.Parameter, path: Path | None) -> Path | None:
    if path is None:
        return None
    if path.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"--report: the report is a page; give FILE.html, not {path.name}")
    from consumer.report.files import place_problem

    if problem := place_problem(path):
        raise click.UsageError(f"--report: {problem}")
    return path


report_option = click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    callback=_checked,
    help="Write the results as a page for people, with a picture of each chunk.",
)
pictures_option = click.option(
    "--pictures/--no-pictures", default=True, help="Whether the report has pictures of the video.  [default: pictures]"
)


@dataclass(frozen=True, slots=True)
class ReportOn:
    """What there is to report.

    Args:
        asked: the job as it was submitted; None: not known.
        video_url, video_path: where the video lies; neither: not known.
        looked: the job that found the video there, so that it can be told whether it is still the same; None: it is
            somebody's word that it is.
    """

    job_id: str
    chunks: Sequence[ChunkResult]
    final: VideoResult | None
    asked: VideoJob | None
    video_url: str | None
    video_path: str | None
    looked: VideoJob | None


def write_report(page: Path, settings: Settings, on: ReportOn, *, pictures: bool) -> None:
    """Write the page; one that is there is replaced.

    Raises:
        UnwritableError: it cannot be written.
    """
    from consumer.report import render_report
    from consumer.report.exports.outcome import Outcome
    from consumer.report.files import write_whole

    outcome = Outcome.of(on.job_id, on.chunks, on.final, relative_times=settings.timestamps == "relative")
    video = _video(page, settings, on, pictures=pictures)
    text = render_report(outcome, video, asked=on.asked, price_per_hour=settings.price_per_hour)
    write_whole(page, text, "--report")


def _video(page: Path, settings: Settings, on: ReportOn, *, pictures: bool) -> Video:
    """Name, link and pictures of the video, as far as they are to be had."""
    from consumer.report.video import Video, file_link, video_name, web_link

    address = on.video_url or on.video_path
    if address is None:
        return Video(note="There are no pictures: where the video lies is not known; --video tells.")
    link = web_link(on.video_url) if on.video_url is not None else None
    if on.video_path is not None and Path(on.video_path).is_file():
        link = file_link(Path(on.video_path), page)
    name = video_name(address)
    if not pictures:
        return Video(name, link)
    taken, note = _pictures(settings, on)
    return Video(name, link, taken, note)


def _pictures(settings: Settings, on: ReportOn) -> tuple[Mapping[int, Picture], str | None]:
    """By chunk index, and a sentence where some or all are missing."""
    try:
        from consumer.job.storyboard import Place, storyboard
    except ModuleNotFoundError as error:
        return {}, f"There are no pictures: they need the package {error.name}."
    from rich.console import Console

    from consumer.events.combining import reference

    refs = on.final.chunks if on.final is not None else [reference(one) for one in on.chunks]
    place = Place(on.video_url, on.video_path, on.looked, on.chunks)
    with Console(stderr=True).status("Taking pictures ..."):
        return storyboard(place, refs, settings)
