"""What is shown while results come: lines in a pipe, bars on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from consumer.cli.progress import Bars, Lines, display, line
from consumer.errors import CODES, ErrorCode
from consumer.events.models import ErrorInfo
from tests.unit.stream.builders import chunk, final


def test_each_result_is_one_line() -> None:
    assert line(chunk(0).model_copy(update={"response": "two\nlines "})) == (
        "job  chunk 1 of 4  0:00:00 - 0:01:00  two lines"
    )
    assert line(final(4)) == "job  succeeded, 4 of 4 chunks, 2.0 s  all of it"


def test_failures_say_why() -> None:
    error = ErrorInfo(code=ErrorCode.CHUNK_NO_FRAMES, message="Nothing there.", retryable=False)
    told = f"CHUNK_NO_FRAMES: Nothing there. {CODES[ErrorCode.CHUNK_NO_FRAMES].remedy}"
    assert line(chunk(0).model_copy(update={"success": False, "error": error})).endswith(f"failed  {told}")
    failed = final(4, status="failed", code=ErrorCode.CHUNK_NO_FRAMES).model_copy(update={"aggregated_response": None})
    assert "failed, 4 of 4 chunks, 2.0 s  CHUNK_NO_FRAMES: because." in line(failed)


def test_a_pipe_gets_lines_at_once() -> None:
    stream = io.StringIO()
    shown = display(stream, ["job"])
    assert isinstance(shown, Lines)
    with shown:
        shown.show(chunk(0))
        assert stream.getvalue() == line(chunk(0)) + "\n"


@pytest.fixture
def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=200, color_system=None)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_gets_a_bar_a_job(terminal: Console) -> None:
    with Bars(terminal, ["job", "other"]) as bars:
        bars.show(chunk(0))
        bars.show(chunk(1))
    written = text(terminal)
    assert "waiting" in written, "the other job has no result yet"
    assert "2/4" in written
    assert "text 1" in written


def test_a_finished_job_shows_its_answer(terminal: Console) -> None:
    with Bars(terminal, []) as bars:
        bars.show(final(4))
    written = text(terminal)
    assert "4/4" in written
    assert "succeeded, 4 of 4 chunks" in written
    assert "job  all of it" in written


def test_answers_are_no_markup(terminal: Console) -> None:
    with Bars(terminal, []) as bars:
        bars.show(chunk(0).model_copy(update={"response": "[red]alarm[/red] [/nonsense]"}))
        bars.show(final(4, job_id="other").model_copy(update={"aggregated_response": "[bold]x[/bold] [/"}))
    written = text(terminal)
    assert "[red]alarm[/red] [/nonsense]" in written
    assert "[bold]x[/bold] [/" in written


def test_long_answers_are_cut_on_a_bar(terminal: Console) -> None:
    with Bars(terminal, []) as bars:
        bars.show(chunk(0).model_copy(update={"response": "x" * 500}))
    assert "x" * 59 + "…" in text(terminal)
    assert "x" * 60 not in text(terminal)
