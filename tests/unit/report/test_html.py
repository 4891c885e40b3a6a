from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser

import pytest

from consumer.errors import ErrorCode, PermanentError
from consumer.events.models import ChunkResult, VideoResult
from consumer.report import Video, render_report
from consumer.report.exports.outcome import Outcome
from tests.unit.job.fakes import Bench, make_job

ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></p></article><iframe src='https://evil.example/'></iframe>",
    "<!-- <b> --> &lt;script&gt; ]]>",
    "javascript:alert(1)",
]
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "main", "header", "section", "article", "div", "h1", "h2", "h3",
    "p", "span", "strong", "dl", "dt", "dd", "svg", "a", "rect", "table", "tr", "th", "td", "pre", "nav", "ul", "li",
    "form", "label", "input", "output", "script",
}  # fmt: skip


class _Page(HTMLParser):
    """Elements, attributes and text as a browser would see them; fails on elements that do not close."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in ("meta", "input", "img"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def chunks(self) -> set[str]:
        return {value for tag, name, value in self.attributes if (tag, name) == ("article", "id")}


def _written(result: VideoResult, chunks: Sequence[ChunkResult], video: Video | None = None) -> str:
    return render_report(Outcome.of("job-1", chunks, result, relative_times=True), video or Video())


async def _job(bench: Bench | None = None) -> tuple[VideoResult, list[ChunkResult]]:
    bench = bench or Bench()
    result = await bench.run(make_job(metadata={"ticket": "7"}))
    return result, bench.emitted


async def test_the_page_tells_all_of_a_job() -> None:
    result, chunks = await _job()
    page = _Page(_written(result, chunks))
    for said in (
        "job-1",
        "succeeded",
        "Everything at once.",
        "Chunk 3 shows a grey wall.",
        "5 of 5",
        "100.0 % of 4:50",
        "2:54 – 3:54",
        "scripted-model abc fp8",
        result.provenance.plan_digest if result.provenance else "",
        "ticket",
    ):
        assert said in page.text, said
    assert "Not described" not in page.text
    assert page.chunks() == {f"chunk-{index}" for index in range(5)}
    links = {value for tag, name, value in page.attributes if (tag, name) == ("a", "href")}
    assert links == {f"#{one}" for one in (*page.chunks(), "time-line", "text", "origin", "cost")}


async def test_failures_and_gaps_are_shown_with_what_to_do() -> None:
    bench = Bench()
    bench.media.failures[1] = [PermanentError(ErrorCode.CHUNK_NO_FRAMES, "Nothing could be decoded.")]
    page = _Page(_written(*await _job(bench)))
    assert "partial" in page.text
    assert "CHUNK_NO_FRAMES: Nothing could be decoded. Check that the video plays at this place." in page.text
    assert "Not described: 1:00 – 1:56." in page.text
    assert [value for _, name, value in page.attributes if (name, value) == ("class", "gap")] == ["gap"]
    assert "80.7 % of 4:50" in page.text


async def test_a_job_that_failed_before_it_began() -> None:
    bench = Bench()
    bench.library.failures = [PermanentError(ErrorCode.SOURCE_NOT_FOUND, "There is no a.mp4.")]
    page = _Page(_written(*await _job(bench)))
    assert "There is no a.mp4." in page.text
    assert "svg" not in page.elements


async def test_what_the_checks_noticed_is_shown() -> None:
    bench = Bench()
    bench.engine.answers[1] = ["[300.0s] a bus"]
    bench.engine.answers[None] = ["At 400 s all is over."]
    page = _Page(_written(*await _job(bench)))
    assert "Noticed: 1 of 1 times told lie outside 0 s to 60 s: 300.0 s." in page.text
    assert "Noticed: 1 of 1 times told lie outside 0 s to 290 s: 400 s." in page.text


@pytest.mark.parametrize("attack", ATTACKS)
async def test_what_comes_from_outside_stays_text(attack: str) -> None:
    result, chunks = await _job()
    shown = {"response": attack, "degraded": [attack], "warnings": [attack], "parsed": None}
    chunks = [chunk.model_copy(update=shown) for chunk in chunks]
    assert result.provenance is not None
    result = result.model_copy(
        update={
            "job_id": attack,
            "aggregated_response": attack,
            "metadata": {attack: attack},
            "provenance": result.provenance.model_copy(update={"model": attack, "worker": attack}),
        }
    )
    source = _written(result, chunks)
    page = _Page(source)
    assert set(page.elements) <= ALLOWED
    assert page.text.count(attack) >= 3 * 5 + 1 + 3
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name in ("src", "srcset", "action")]
    assert all(value.startswith("#") for _, name, value in page.attributes if name == "href")


async def test_structured_answers_are_escaped_too() -> None:
    result, chunks = await _job()
    chunks[0] = chunks[0].model_copy(update={"parsed": '{"a":"</pre><script>alert(1)</script>"}'})
    page = _Page(_written(result, chunks))
    assert page.elements.count("script") == 1
    assert '"a": "</pre><script>' in page.text


async def test_nothing_is_fetched_from_anywhere() -> None:
    source = _written(*await _job())
    assert "default-src 'none'" in source
    assert "://" not in source
    assert "@import" not in source
    assert "url(" not in source


async def test_odd_characters_can_be_written_to_a_file() -> None:
    result, chunks = await _job()
    result = result.model_copy(update={"aggregated_response": "a\x00b\ud800c\u202ed\r\n\tñ 猫"})
    source = _written(result, chunks)
    assert "a�b�c" in source
    assert "猫" in source.encode("utf-8").decode("utf-8")


async def test_a_text_that_is_not_at_hand_is_said_to_be_missing() -> None:
    result, chunks = await _job()
    page = _Page(_written(result, [one for one in chunks if one.chunk_index != 2]))
    assert page.text.count("not at hand") == 1
    assert len(page.chunks()) == 5
