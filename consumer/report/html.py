"""A job's results as one HTML page that needs nothing else: its pictures are in it, and nothing is fetched.

What the model wrote is text from outside and is only ever shown as text. The page's policy lets its own script and
style do their work, by their digests, and nothing else; without the script only the search is missing.
"""

from __future__ import annotations

import base64
import hashlib

from consumer.events.models import VideoJob
from consumer.report.chunk import chunk_article
from consumer.report.exports.outcome import Outcome
from consumer.report.markup import Markup, join, tag
from consumer.report.origin import cost, provenance
from consumer.report.script import SCRIPT
from consumer.report.storyboard import storyboard
from consumer.report.style import STYLE
from consumer.report.summary import summary
from consumer.report.timeline import timeline
from consumer.report.video import Video
from consumer.report.view import View


def _digest(content: Markup) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


_POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src data:",
        f"script-src {_digest(SCRIPT)}",
        f"style-src {_digest(STYLE)}",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_NOTHING = Video()


def render_report(
    outcome: Outcome, video: Video = _NOTHING, *, asked: VideoJob | None = None, price_per_hour: float = 0.0
) -> str:
    """The page as text, to be written as UTF-8.

    Args:
        outcome: where the final result lists a chunk that is not among the chunks, its text is said to be missing.
        asked: the job as it was submitted, for its prompt.
        price_per_hour: of the machine, for what the job cost; 0: not known.
    """
    view = View.of(outcome, video, asked, price_per_hour)
    status = view.final.status if view.final is not None else "not done"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        # Not through `tag`: the quotes of the policy's words stay quotes, which every reader of HTML understands.
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{video.name or view.job_id} – {status}"),
        tag("style", STYLE),
    )
    sections = [
        ("time-line", "Time line", timeline(view)),
        ("storyboard", "Storyboard", storyboard(view)),
        ("text", "Text", _texts(view)),
        ("origin", "Where this comes from", provenance(view)),
        ("cost", "What it cost", cost(view)),
    ]
    there = [(name, title, content) for name, title, content in sections if content is not None]
    body = tag(
        "main",
        summary(view),
        _contents([(name, title) for name, title, _ in there]),
        *(tag("section", tag("h2", title), content, id=name) for name, title, content in there),
    )
    return "<!doctype html>\n" + tag("html", head, tag("body", body, tag("script", SCRIPT)), lang="en") + "\n"


def _contents(sections: list[tuple[str, str]]) -> Markup:
    links = (tag("li", tag("a", title, href=f"#{name}")) for name, title in sections)
    return tag("nav", tag("ul", *links), aria_label="Parts of this page")


def _texts(view: View) -> Markup | None:
    if not view.refs:
        return None
    left_out = len(view.refs) - len(view.shown)
    more = f"The texts of {left_out:,} more chunks are not in this page; `results --export` writes all of them."
    return join(
        _search(len(view.shown)),
        *(chunk_article(ref, view) for ref in view.shown),
        tag("p", more, class_="some") if left_out else None,
    )


def _search(count: int) -> Markup:
    """Hidden until the script, without which it would do nothing, shows it."""
    return tag(
        "form",
        tag("label", "Search the texts", for_="words"),
        tag("input", type="search", id="words", autocomplete="off", spellcheck="false"),
        tag("output", f"{count:,} chunks", id="found", for_="words"),
        role="search",
        id="search",
        hidden="",
    )
