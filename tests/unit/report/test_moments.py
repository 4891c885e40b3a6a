"""Times in texts as links."""

from __future__ import annotations

import time

import pytest

from consumer.report.moments import linked


def _linked(text: str, most: int = 50) -> str:
    return str(linked(text, lambda seconds: (f"#{seconds:g}", "there"), most))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("[3.5s] a bus", "3.5"),
        ("<12.0 seconds> a bus", "12"),
        ("At 7 s a bus", "7"),
        ("a bus (0:12)", "12"),
        ("1:02:03.5 a bus", "3723.5"),
        ("75:00", "4500"),
    ],
)
def test_a_time_becomes_a_link_and_its_words_stay(text: str, seconds: str) -> None:
    made = _linked(text)
    assert made.count("<a ") == 1
    assert f'href="#{seconds}"' in made


@pytest.mark.parametrize(
    "text", ["for 5 seconds", "5 s", "at 9:30 am", "12:30:45:60", "v1:23x", "0:75", "3 cars", "1:2", "", "[s]"]
)
def test_what_is_no_time_stays_text(text: str) -> None:
    assert "<a " not in _linked(text)


def test_ranges_have_two_links() -> None:
    assert _linked("[3s - 7s]").count("<a ") == 2
    assert _linked("0:03–0:07").count("<a ") == 2


def test_a_time_that_leads_nowhere_stays_text() -> None:
    assert linked("0:12", lambda _: None, 50) == "0:12"


def test_everything_around_is_escaped() -> None:
    made = _linked("<b>0:12</b> & <script>")
    assert made == '&lt;b&gt;<a href="#12" title="there">0:12</a>&lt;/b&gt; &amp; &lt;script&gt;'


def test_the_number_of_links_is_bounded() -> None:
    made = _linked("0:12 " * 1000, most=7)
    assert made.count("<a ") == 7
    assert made.count("0:12") == 1000


def test_hostile_texts_take_no_long_time() -> None:
    began = time.perf_counter()
    for text in ("1" * 200_000, "1:" * 100_000, "at " * 70_000, "[" * 200_000, "1:11:11." * 25_000):
        _linked(text)
    assert time.perf_counter() - began < 5.0
