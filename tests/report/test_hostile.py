"""What a model, a job or a file name may hold runs nothing in a real Chromium: by escaping, and by the policy."""

from __future__ import annotations

import re

import pytest

from consumer.events.models import VideoJob
from consumer.report import Video, markup, render_report
from consumer.report.markup import Markup
from tests.report.conftest import Open, Opened
from tests.report.pages import PROVENANCE, Story

ATTACKS = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 2'>",
    "<svg onload='window.hacked = 3'><animate onbegin='window.hacked = 4' attributeName=x dur=1s></svg>",
    "</style></script></title></textarea><script>window.hacked = 5</script>",
    "\"><details open ontoggle='window.hacked = 6'>",
    "' autofocus onfocus='window.hacked = 7' x='",
    "<a href='javascript:window.hacked=8'>[0:05] here</a> javascript:window.hacked=8",
    "<iframe srcdoc='<script>parent.hacked = 9</script>'></iframe>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<link rel=stylesheet href=https://evil.example/a.css><base href=https://evil.example/>",
    "<form action=https://evil.example/><button>Press</button></form>",
    "&lt;script&gt;window.hacked = 10&lt;/script&gt; <!-- --> ]]> <![CDATA[",
    "\u202e\u2066\u200f\u0000\u0008\ud83d\ufeff＜script＞window.hacked=11＜/script＞",
    "[5.0s](javascript:window.hacked=12) {{constructor.constructor('window.hacked=13')()}}",
)
ALL = "\n".join(ATTACKS)


def _page() -> str:
    made = PROVENANCE.model_copy(update={"model": ALL, "worker": ALL, "prompt_digest": ALL})
    changes: dict[int, dict[str, object]] = {
        0: {"degraded": [ALL], "warnings": [ALL]},
        1: {"parsed": '{"a": "</pre><script>window.hacked = 14</script>"}', "provenance": made},
    }
    story = Story([ALL, ALL, "ok"], answer=ALL, metadata={ALL: ALL}, changes=changes, provenance=made)
    asked = VideoJob(job_id="job", video_url="https://videos.example/a.mp4", prompt=ALL.replace("\ud83d", ""))
    pictures = story.pictures()
    return render_report(story.outcome(), Video(ALL, "https://videos.example/a.mp4", pictures, ALL), asked=asked)


def _use(opened: Opened) -> None:
    """Search for it, go over it with the mouse and the keyboard, and follow what leads to a place in the page."""
    page = opened.page
    page.fill("#words", "<script>")
    page.fill("#words", "")
    for one in page.locator("a[href^='#']").all():
        one.dispatch_event("click")
        one.focus()
        one.dispatch_event("mouseover")


@pytest.fixture(scope="module")
def hostile() -> str:
    return _page()


def test_nothing_runs_and_nothing_leaves(open_page: Open, hostile: str) -> None:
    opened = open_page(hostile)
    _use(opened)
    assert opened.noise == []
    assert opened.page.evaluate("window.hacked") is None
    assert opened.page.locator("script").count() == 1
    assert opened.page.locator("iframe, form:not(#search), link, base, object, embed, details, animate").count() == 0
    attributes = opened.page.evaluate(
        "Array.from(document.querySelectorAll('*')).flatMap((one) => one.getAttributeNames()).filter((name) => "
        "name.startsWith('on') || name === 'style' || name === 'srcdoc' || name === 'action')"
    )
    assert attributes == []
    schemes = opened.page.evaluate("Array.from(document.links).map((one) => one.protocol)")
    assert set(schemes) == {"file:", "https:"}
    assert ATTACKS[0] in opened.page.locator("article .words").first.inner_text()


def test_even_without_escaping_the_policy_lets_nothing_run(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markup, "escape", Markup)
    # No policy keeps a page from sending its reader on; escaping does.
    text = _page().encode("utf-8", "replace").decode().replace("http-equiv=refresh", "")
    policy = re.search(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", text)
    assert policy is not None
    opened = open_page(text)
    assert opened.page.evaluate("window.hacked") is None
    assert [one for one in opened.noise if one.startswith(("dialog", "popup"))] == []
    assert any("Content Security Policy" in one for one in opened.noise), "it was the policy that held"
    # The very same page without its policy: this test would see it.
    unguarded = open_page(text.replace(policy[0], ""))
    assert unguarded.page.evaluate("window.hacked") is not None


def test_the_policy_knows_the_page_s_own_script_alone(open_page: Open, hostile: str) -> None:
    changed = hostile.replace('"use strict";', '"use strict"; window.hacked = 1;')
    opened = open_page(changed)
    assert opened.page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in one for one in opened.noise)
