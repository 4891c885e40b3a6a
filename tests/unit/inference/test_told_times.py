"""Moments that an answer names are found, other numbers are not; those outside the chunk are told."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.inference.told_times import TOLERANCE_SECONDS, times_warning, told_times


def seconds(text: str) -> list[float]:
    return [one.seconds for one in told_times(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("At 12.3 seconds, a man enters.", [12.3]),
        ("<12.3 seconds> A man enters. <15.0 seconds> He leaves.", [12.3, 15.0]),
        ("[12.2s] a red circle enters from the left\n[15.2s] it stops", [12.2, 15.2]),
        ("marker 17\n[12.2s] a red circle enters from the left", [12.2]),
        ("12.3 s: a man enters", [12.3]),
        ("- **0.0 - 5.0 seconds**: a man enters", [0.0, 5.0]),
        ("1. 00:05 - a man enters\n2. 00:10 - he leaves", [5.0, 10.0]),
        ("**0:10**: a man enters", [10.0]),
        ("| time | what |\n|---|---|\n| 12.3 s | a man enters |", [12.3]),
        ("[00:01:05] a man enters (01:10)", [65.0, 70.0]),
        ("1\n00:01:02,500 --> 00:01:05,000\nA man enters.", [62.5, 65.0]),
        ("Between 5 and 10 seconds, he waits.", [5.0, 10.0]),
        ("He waits from 5.0s to 7 s and leaves at around 75s.", [5.0, 7.0, 75.0]),
        ("He leaves at the 30-second mark.", [30.0]),
        ("He enters at 1:02:03 and leaves at t = 3800 s", [3723.0, 3800.0]),
        ('{"marker": "17", "events": [{"t": 12.2, "what": "it stops"}]}', [12.2]),
        ('{"start_time": "00:10", "endTime": 20, "timestamp": "12.5 s", "start_sec": 3}', [10.0, 20.0, 12.5, 3.0]),
        ('```json\n{"what": "he leaves at 20 s", "time_seconds": 19.5}\n```', [20.0, 19.5]),
    ],
)
def test_moments(text: str, found: list[float]) -> None:
    assert seconds(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "He waits for 5 seconds, about 12.5 s in all, and 30 seconds later he leaves.",
        "After 5 seconds he leaves.",
        "The 100 m sprint took 9.58 seconds; the cars do 20 m/s at 5 s/km.",
        "The clock on the wall shows 12:45. The camera's overlay reads 2024-05-01 14:23:07.",
        "He leaves at 10:30 am, or at 8:15 p.m.",
        "The score is 2:15. The picture is 16:9, and at 4:3 it would be cut.",
        "It blinks at 5 second intervals, at 5 seconds each, at 10 seconds apart.",
        "He reads John 3:16 (see 1 Samuel 17:4-7).",
        "At 12 he leaves; from 3 to 5 people wait.",
        "The server at 10.0.0.1:80 answers at port 127.0.0.1:8080.",
        '{"duration": 99.0, "count": 3, "total_time": 200, "time_ms": 5000, "seconds": 80, "times": [1, 2], "t": true}',
        '{"score": "2:15", "at_home": 3, "time": "noon"}',
        "",
    ],
)
def test_what_is_no_moment(text: str) -> None:
    assert told_times(text) == []


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("At 58.0 seconds he enters, and at 01:58 he leaves.", None),
        ("[57.1s] he enters\n[118.9s] he leaves", None),
        ("[3.0s] he enters\n[60.0s] he waits", "1 of 2 times told lie outside 58 s to 118 s: 3.0 s"),
        ("At 58 s he enters, and at 02:30 he leaves.", "1 of 2 times told lie outside 58 s to 118 s: 02:30"),
        (
            "\n".join(f"[{k}.0s] x" for k in range(200, 208)),
            "8 of 8 times told lie outside 58 s to 118 s: 200.0 s, 201.0 s, 202.0 s, 203.0 s, 204.0 s and 3 more",
        ),
        ("He waits for 5 seconds.", None),
    ],
)
def test_the_warning(text: str, warning: str | None) -> None:
    assert times_warning(text, start=58.0, end=118.0, prompt="Describe it.") == warning


def test_a_moment_of_the_question_is_the_asker_s() -> None:
    question = "What happens between 10 and 20 seconds?"
    assert times_warning("Between 10 and 20 seconds nothing happens.", start=58, end=118, prompt=question) is None
    assert times_warning("At 30 seconds it does.", start=58, end=118, prompt=question) is not None


FORMS = (
    "[{0:.1f}s] a man enters",
    "<{0:.1f} seconds> A man enters.",
    "At {0:.1f} seconds, a man enters.",
    "- {0:.1f} s: a man enters",
    "He waits for 500 seconds from {0:.2f} s on, 900 seconds in all.",
    "{1} - a man enters",
    "A man enters at {1}.",
    "[{1}] a man enters, 12:45 on his watch",
)


def clock(time: float) -> str:
    whole = int(time)
    short = f"{whole // 60 % 60 if whole >= 3600 else whole // 60:02}:{whole % 60:02}"
    return f"{whole // 3600}:{short}" if whole >= 3600 else short


@given(data=st.data(), start=st.sampled_from([0.0, 58.0, 7200.0, 39_600.0]), length=st.floats(2, 120))
def test_right_answers_pass_and_wrong_ones_do_not(data: st.DataObject, start: float, length: float) -> None:
    inside = st.floats(start, start + length)
    outside = st.floats(start + length + 2 * TOLERANCE_SECONDS, start + 3000)
    if start > 10:
        outside |= st.floats(0, start - 2 * TOLERANCE_SECONDS)
    form = st.sampled_from(FORMS)
    right = data.draw(st.lists(st.tuples(form, inside), max_size=8))
    wrong = data.draw(st.lists(st.tuples(form, outside), max_size=3))
    lines = data.draw(st.permutations([one.format(time, clock(time)) for one, time in [*right, *wrong]]))
    warning = times_warning("\n".join(lines), start=start, end=start + length, prompt="Describe it.")
    if not wrong:
        assert warning is None
    else:
        assert warning is not None
        assert warning.startswith(f"{len(wrong)} of {len(right) + len(wrong)} times")


@given(
    events=st.lists(st.tuples(st.sampled_from(["t", "time", "start_time", "timestamp"]), st.floats(0, 200)), max_size=8)
)
def test_json(events: list[tuple[str, float]]) -> None:
    text = json.dumps({"events": [{key: time, "what": "a man enters", "count": 999} for key, time in events]})
    wrong = sum(time > 60 + TOLERANCE_SECONDS for _, time in events)
    warning = times_warning(text, start=0.0, end=60.0, prompt="As JSON.")
    assert (warning or "0").startswith(str(wrong))


@given(st.text(alphabet="0123456789:.,s -<>[]()at\n", max_size=80))
def test_any_text_is_read(text: str) -> None:
    for one in told_times(text):
        assert one.seconds >= 0
        assert one.text.removesuffix(" s") in text


@pytest.mark.parametrize("unit", [" ", "\n", "*", "- ", "1", "1:11", "1:", "1 s-", "at ", "[", "at\t", "12.", "{", '"'])
@pytest.mark.parametrize("before", ["", "at", "- 12 s", '{"t": "12'])
def test_the_longest_text_takes_no_time(before: str, unit: str) -> None:
    text = before + unit * (100_000 // len(unit)) + "x"
    began = time.process_time()
    told_times(text)
    assert time.process_time() - began < 1.0
