"""The report page in a real Chromium: quiet, searchable, usable by keyboard, readable anywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consumer.report import Video, render_report
from tests.report.conftest import Open, Opened
from tests.report.kinds import KINDS, LINK, page
from tests.report.pages import Story

TELEPHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2.0, "has_touch": True}
WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_asked_for_and_nothing_goes_wrong(open_page: Open, kind: str) -> None:
    opened = open_page(page(kind))
    opened.page.wait_for_function("Array.from(document.images).every((one) => one.loading === 'lazy' || one.complete)")
    assert opened.noise == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_everybody_can_read_it(open_page: Open, axe: str, kind: str, scheme: str) -> None:
    """Contrast, names, order of headings, alternatives of pictures: what axe-core knows to check."""
    opened = open_page(page(kind), color_scheme=scheme, bypass_csp=True)
    opened.page.evaluate(axe)
    found = opened.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    assert _told(found["violations"]) == []
    background = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(247, 247, 245)", "dark": "rgb(20, 22, 26)"}[scheme]


def _told(violations: list[dict[str, Any]]) -> list[str]:
    return [f"{one['id']}: {json.dumps([node['html'][:200] for node in one['nodes'][:3]])}" for one in violations]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_wider_than_a_telephone(open_page: Open, kind: str) -> None:
    wide, there = open_page(page(kind), **TELEPHONE).page.evaluate(WIDTHS)
    assert wide <= there == 360


def test_long_words_do_not_make_it_wider(open_page: Open) -> None:
    long = "W" * 3000
    story = Story([long, f'{{"{long}": 1}}'], answer=long, metadata={long: long}, changes={1: {"warnings": [long]}})
    text = render_report(story.outcome(), Video(f"{long}.mp4", LINK, story.pictures()))
    wide, there = open_page(text, **TELEPHONE).page.evaluate(WIDTHS)
    assert wide <= there


def test_the_search_shows_the_chunks_that_have_all_words(open_page: Open) -> None:
    opened = open_page(page("whole"))
    box = opened.page.get_by_role("searchbox", name="Search the texts")
    box.fill("LAPTOP opens")
    assert opened.texts("article h3") == ["0:00 – 1:00"]
    assert opened.texts("#found") == ["1 of 4 chunks"]
    assert len(opened.texts(".board li")) == 1
    assert opened.page.locator("svg a.off").count() == 3
    assert opened.page.evaluate("CSS.highlights.get('found').size") == 2
    box.fill("cafe")
    assert opened.texts("article h3") == ["1:56 – 2:56"]
    box.fill("no such words")
    assert opened.texts("article h3") == []
    assert opened.texts("#found") == ["0 of 4 chunks"]
    box.fill("")
    assert len(opened.texts("article")) == 4
    assert opened.texts("#found") == ["4 chunks"]
    assert opened.page.locator("svg a.off").count() == 0
    assert opened.noise == []


def test_a_link_to_a_chunk_that_the_search_hides_ends_the_search(open_page: Open) -> None:
    opened = open_page(page("whole"))
    opened.page.fill("#words", "laptop")
    opened.page.locator("header a").first.click()
    assert len(opened.texts("article")) == 4
    assert opened.page.url.endswith("#chunk-1")
    assert opened.page.locator(":target h3").inner_text() == "0:58 – 1:58"


def test_the_enter_key_in_the_search_goes_to_the_first_hit(open_page: Open) -> None:
    opened = open_page(page("whole"), viewport={"width": 1000, "height": 400})
    opened.page.fill("#words", "lights")
    opened.page.press("#words", "Enter")
    opened.page.wait_for_function("document.getElementById('chunk-3').getBoundingClientRect().top < innerHeight")
    assert opened.noise == []


def _stops(opened: Opened) -> list[str]:
    """What the Tab key comes to, from the top to the end."""
    seen: list[str] = []
    for _ in range(200):
        opened.page.keyboard.press("Tab")
        here = opened.page.evaluate(
            "document.activeElement === document.body ? '' :"
            " document.activeElement.getAttribute('href') || document.activeElement.id"
        )
        if not here:
            return seen
        seen.append(here)
    raise AssertionError("the Tab key does not come to an end")


def test_the_tab_key_comes_to_everything(open_page: Open) -> None:
    opened = open_page(page("partial"))
    stops = _stops(opened)
    parts = ["#time-line", "#storyboard", "#text", "#origin", "#cost"]
    # The failed chunk's link, the parts, one stop in each row of many links, the search; then the chunks' own links.
    assert stops[:9] == ["#chunk-1", *parts, "#chunk-0", "#chunk-0", "words"]
    assert stops[9:] == [f"{LINK}#t={moment}" for moment in ("0", "3", "14.5", "58", "116", "174", "179")]


@pytest.mark.parametrize("row", ["svg", ".board"])
def test_arrow_keys_go_through_a_row_of_links(open_page: Open, row: str) -> None:
    opened = open_page(page("whole"))
    here = "document.activeElement.getAttribute('href')"
    opened.page.locator(f"{row} a").first.focus()
    keys = ["ArrowRight", "ArrowDown", "End", "ArrowRight", "ArrowLeft", "Home", "ArrowUp"]
    seen = []
    for key in keys:
        opened.page.keyboard.press(key)
        seen.append(opened.page.evaluate(here))
    assert seen == [f"#chunk-{index}" for index in (1, 2, 3, 3, 2, 0, 0)]
    opened.page.keyboard.press("ArrowRight")
    assert opened.page.locator(f"{row} a[tabindex='0']").count() == 1
    opened.page.keyboard.press("Enter")
    assert opened.page.url.endswith("#chunk-1")


def test_hidden_pictures_are_no_stops(open_page: Open) -> None:
    opened = open_page(page("whole"))
    opened.page.fill("#words", "lights")
    opened.page.locator(".board a[tabindex='0']").focus()
    assert opened.page.evaluate("document.activeElement.getAttribute('href')") == "#chunk-3"
    opened.page.keyboard.press("ArrowLeft")
    assert opened.page.evaluate("document.activeElement.getAttribute('href')") == "#chunk-3"


def test_without_its_script_only_the_search_is_missing(open_page: Open) -> None:
    opened = open_page(page("whole"), java_script_enabled=False)
    assert len(opened.texts("article")) == 4
    assert opened.texts("form") == []


def test_paper_is_white_and_has_all_texts(open_page: Open) -> None:
    opened = open_page(page("partial"), color_scheme="dark")
    assert opened.page.pdf(format="A4").startswith(b"%PDF")
    opened.page.emulate_media(media="print")
    assert opened.texts("form, nav, .play") == []
    assert len(opened.texts("article")) == 4
    assert (
        opened.page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
        == "rgb(255, 255, 255)"
    )
    assert opened.page.evaluate("getComputedStyle(document.querySelector('.chunk')).contentVisibility") == "visible"


def test_pictures_are_pictures(open_page: Open) -> None:
    opened = open_page(page("whole"))
    opened.page.locator(".board").scroll_into_view_if_needed()
    opened.page.wait_for_function("Array.from(document.images).every((one) => one.naturalWidth === 224)")
    alts = opened.page.locator("img").evaluate_all("(all) => all.map((one) => one.alt)")
    assert alts == ["The video at 0:30", "The video at 1:28", "The video at 2:26", "The video at 3:24"]
