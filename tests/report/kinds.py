"""Pages of every kind, by name."""

from __future__ import annotations

import functools

from consumer.errors import ErrorCode
from consumer.events.models import VideoJob
from consumer.report import Video, render_report
from tests.report.pages import PROVENANCE, Story, error

LINK = "https://videos.example/talk.mp4"
TEXTS = [
    "[3.0s] A speaker walks to the desk.\n[14.5s] She opens a laptop.",
    "At 0:12 the first slide shows a bridge. At 23:59 nobody is there.",
    "The audience asks about the café.",
    "At 5 seconds the lights go out.",
]
FAILURE = error(ErrorCode.ENGINE_TIMEOUT, "The model had not answered after 600 s.")
CANCELLED = error(ErrorCode.CANCELLED, "Cancelled: wrong file.")
ASKED = VideoJob(job_id="talk-1", video_url=LINK, prompt="Describe the talk.")
ZOOM = PROVENANCE.model_copy(update={"source_job_id": "talk-0", "source_run_id": "0190-run"})


def _page(
    story: Story, *, done: bool = True, pictures: bool = True, note: str | None = None, asked: VideoJob | None = ASKED
) -> str:
    video = Video("talk.mp4", LINK, story.pictures() if pictures else {}, note)
    return render_report(story.outcome(done=done), video, asked=asked, price_per_hour=3.5)


WHOLE = Story(TEXTS, answer="A talk about bridges.\n[64.0s] The first slide.", metadata={"ticket": "7"})
STORIES = {
    "whole": WHOLE,
    "partial": Story(TEXTS, failures={1: FAILURE}),
    "failed": Story(TEXTS, answer=None, failures=dict.fromkeys(range(4), FAILURE)),
    "cancelled": Story([TEXTS[0], TEXTS[1], None, None], answer=None, trouble=CANCELLED),
    "zoomed": Story([None, TEXTS[1], None, TEXTS[3], None, None], provenance=ZOOM),
    "empty": Story(["", " \n", TEXTS[2]], answer=""),
    "json": Story(TEXTS, changes={0: {"parsed": '{"events": [{"start": 3.5, "text": "A speaker <b>walks</b>."}]}'}}),
}


@functools.cache
def page(kind: str) -> str:
    """The page of that name."""
    if kind == "not done":
        return _page(Story([*TEXTS[:2], None, None]), done=False)
    if kind == "no pictures":
        return _page(WHOLE, pictures=False, note="There are no pictures: SOURCE_NOT_FOUND: There is no talk.mp4.")
    return _page(STORIES[kind], asked=None if kind == "zoomed" else ASKED)


KINDS = (*STORIES, "not done", "no pictures")
