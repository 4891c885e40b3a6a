"""The page stays within its limits, and says what it leaves out."""

from __future__ import annotations

import json

import numpy as np

from consumer.errors import ErrorCode
from consumer.job.storyboard import MOST_BYTES
from consumer.media.pictures import jpeg
from consumer.report import Picture, Video, render_report
from consumer.report.view import MOST_CHUNKS
from tests.report.conftest import Open
from tests.report.pages import Story, error

LINK = "https://h.example/a.mp4"


def test_six_hours_stay_within_a_few_megabytes() -> None:
    """400 chunks, each with as much text as the default max_tokens lets a model write, full of times."""
    texts = [
        "\n".join(f"[{second}.0s] somebody does something at {second // 60}:{second % 60:02}." for second in range(40))
    ] * 400
    page = render_report(Story(texts).outcome(), Video("a.mp4", LINK))
    assert page.count("<article") == 400
    assert "left out" not in page
    assert len(page.encode()) < 4_000_000


def test_many_chunks_and_endless_texts_are_cut_and_it_is_said() -> None:
    failure = error(ErrorCode.ENGINE_TIMEOUT, "No answer.")
    count = MOST_CHUNKS + 50
    story = Story(
        ["0:01 " * 1_000] * count, answer="0:01 " * 100_000, failures=dict.fromkeys(range(1, count, 2), failure)
    )
    page = render_report(story.outcome(), Video("a.mp4", LINK))
    assert page.count("<article") == MOST_CHUNKS
    assert "The texts of 50 more chunks are not in this page" in page
    assert page.count("The rest is left out") == MOST_CHUNKS // 2
    assert "and 2,013 more" in page
    assert len(page.encode()) < 12_000_000


def test_json_that_is_too_deep_stays_as_it_is() -> None:
    deep = json.dumps({"a": 1}).replace("1", "[" * 400 + "]" * 400)
    broken = "[" * 100_000
    story = Story(["x", "y"], changes={0: {"parsed": deep}, 1: {"parsed": broken}})
    page = render_report(story.outcome())
    assert "[" * 400 in page
    assert "[" * 100_000 in page


def test_an_empty_text_is_said_to_be_empty() -> None:
    page = render_report(Story(["", "b"], answer=" ").outcome())
    assert page.count("The model wrote nothing.") == 1
    assert "The answer for the whole is empty." in page


def test_what_is_there_of_a_job_that_is_not_done() -> None:
    page = render_report(Story(["one", "two", None]).outcome(done=False))
    assert "The job is not done: 2 of 3 chunks are there." in page
    assert page.count("<article") == 2
    assert "Tokens written" in page


def test_a_zoomed_job_does_not_complain_of_what_it_did_not_look_at() -> None:
    story = Story([None, "two", None, "four", None])
    made = story.provenance.model_copy(update={"source_job_id": "first", "source_run_id": "run"})
    page = render_report(Story(story.texts, provenance=made).outcome())
    assert "Not described" not in page
    assert "Only what matters to the question was looked at" in page
    assert "the results of the job first, run run" in page
    # The time line begins where the video does, not at the first chunk that was looked at.
    assert '<rect class="skip" y="0" height="46" x="0.00"' in page


def test_the_price_is_that_of_the_machine_for_the_time() -> None:
    outcome = Story(["one"], seconds=2100.0).outcome()
    assert "0.0100 at 3.6 an hour" in render_report(outcome, price_per_hour=3.6)
    assert "an hour" not in render_report(outcome)


def test_times_of_a_chunk_lead_to_the_video_and_those_of_the_whole_to_the_chunk() -> None:
    story = Story(["[3.0s] one", "[3.0s] two. At 999 s none."], answer="[60.5s] it")
    page = render_report(story.outcome(relative_times=True), Video("a.mp4", LINK))
    assert f'href="{LINK}#t=61"' in page
    assert "#t=999" not in page and "#t=1057" not in page
    assert '<a href="#chunk-1" title="To chunk 2">60.5s</a>' in page
    absolute = render_report(story.outcome(relative_times=False), Video("a.mp4", LINK))
    assert f'href="{LINK}#t=3"' in absolute and f"{LINK}#t=61" not in absolute


def test_six_hours_with_pictures_open_quickly(open_page: Open) -> None:
    """Seconds, where a browser that laid everything out at once, or a search without bounds, would take minutes."""
    text = "\n".join(f"[{second}.0s] somebody does something at 0:{second:02}." for second in range(40))
    story = Story([text] * 400)
    # As large as pictures may be in all.
    pixels = np.random.default_rng(1).integers(0, 255, (9, 16, 3), np.uint8).repeat(14, 0).repeat(14, 1)
    noisy = jpeg(pixels, 224, 126)
    filler = noisy[:-2] + b"\xff\xfe" + (MOST_BYTES // 400 - len(noisy) - 2).to_bytes(2, "big")
    made = filler.ljust(MOST_BYTES // 400 - 2, b"x") + noisy[-2:]
    pictures = {index: Picture(made, 224, 126, 60.0 * index) for index in range(400)}
    page = render_report(story.outcome(), Video("a.mp4", LINK, pictures))
    assert 4_000_000 < len(page.encode()) < 8_000_000
    opened = open_page(page)
    opened.page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
    took = opened.page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    searched = opened.page.evaluate(
        "() => { const words = document.getElementById('words'); words.value = 'something';"
        " const began = performance.now(); words.dispatchEvent(new Event('input')); return performance.now() - began; }"
    )
    print(f"{len(page.encode()) / 1e6:.1f} MB, first paint after {took:.0f} ms, a search takes {searched:.0f} ms")
    assert opened.texts("#found") == ["400 of 400 chunks"]
    assert took < 10_000
    assert searched < 5_000
    assert opened.noise == []
