"""What is taken for a trace, by W3C Trace Context: nothing else is handed on, it may be anything, of any length."""

from __future__ import annotations

import pytest

from consumer.events.traceparent import TraceParent, parse, trace_parent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01".encode()


@pytest.mark.parametrize(
    ("value", "sampled"),
    [
        (GOOD, True),
        (f"00-{TRACE}-{SPAN}-00".encode(), False),
        (f"00-{TRACE}-{SPAN}-02".encode(), False),
        (f"00-{TRACE}-{SPAN}-03".encode(), True),
        (f"cc-{TRACE}-{SPAN}-01".encode(), True),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like".encode(), True),
    ],
)
def test_a_trace(value: bytes, sampled: bool) -> None:
    assert parse(value) == TraceParent(value, TRACE, SPAN, sampled)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"00-1",
        f"ff-{TRACE}-{SPAN}-01".encode(),
        f"00-{TRACE.upper()}-{SPAN}-01".encode(),
        f"00-{'0' * 32}-{SPAN}-01".encode(),
        f"00-{TRACE}-{'0' * 16}-01".encode(),
        f"00-{TRACE}-{SPAN}-1".encode(),
        f"00-{TRACE}-{SPAN}-01-more".encode(),
        f"cc-{TRACE}-{SPAN}-01more".encode(),
        f"cc-{TRACE}-{SPAN}-01-{'a' * 1000}".encode(),
        GOOD + b"\n",
        b" " + GOOD,
        "00-٣".encode(),
        b"\xff" * 55,
    ],
)
def test_no_trace(value: bytes | None) -> None:
    assert parse(value) is None


def test_of_several_headers_the_last_counts() -> None:
    assert trace_parent([("traceparent", b"00-1"), ("a", None), ("traceparent", GOOD), ("b", b"1")]) == parse(GOOD)
    assert trace_parent([("traceparent", GOOD), ("traceparent", None)]) is None
    assert trace_parent([("a", GOOD)]) is None
