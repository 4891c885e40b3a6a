"""What is shown while results come: lines in a pipe, a table below the scrolling texts on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from consumer.cli.progress import Lines, LiveTable, display, line
from consumer.errors import CODES, ErrorCode
from consumer.events.models import ErrorInfo
from tests.unit.stream.builders import PROVENANCE, chunk, final


def test_each_result_is_one_line() -> None:
    assert line(chunk(0).model_copy(update={"response": "two\nlines "}), 1) == (
        "job  chunk 1 of 4  0:00:00 - 0:01:00  two lines"
    )
    assert line(final(4), 4) == "job  succeeded, 4 of 4 chunks, 2.0 s  all of it"


def test_failures_say_why() -> None:
    error = ErrorInfo(code=ErrorCode.CHUNK_NO_FRAMES, message="Nothing there.", retryable=False)
    told = f"CHUNK_NO_FRAMES: Nothing there. {CODES[ErrorCode.CHUNK_NO_FRAMES].remedy}"
    assert line(chunk(0).model_copy(update={"success": False, "error": error}), 1).endswith(f"failed  {told}")
    failed = final(4, status="failed", code=ErrorCode.CHUNK_NO_FRAMES).model_copy(update={"aggregated_response": None})
    assert "failed, 4 of 4 chunks, 2.0 s  CHUNK_NO_FRAMES: because." in line(failed, 4)


def test_a_second_look_counts_its_own_chunks_and_keeps_the_numbers_of_the_first() -> None:
    zoomed = PROVENANCE.model_copy(update={"source_job_id": "first", "source_run_id": "r"})
    stream = io.StringIO()
    with Lines(stream) as shown:
        for index in (16, 3):
            shown.show(chunk(index, num_chunks=8).model_copy(update={"provenance": zoomed}))
    parts = [one.split("  ")[1] for one in stream.getvalue().splitlines()]
    assert parts == ["chunk 17, 1 of 8", "chunk 4, 2 of 8"]


def test_a_pipe_gets_lines_at_once() -> None:
    stream = io.StringIO()
    shown = display(stream, ["job"])
    assert isinstance(shown, Lines)
    with shown:
        shown.show(chunk(0))
        assert stream.getvalue() == line(chunk(0), 1) + "\n"


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(display(io.StringIO(), []), Lines)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(display(io.StringIO(), []), LiveTable)


@pytest.fixture
def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100, height=30, color_system=None)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_gets_the_texts_and_a_table_that_stays(terminal: Console) -> None:
    with LiveTable(terminal, ["job", "other"]) as shown:
        shown.show(chunk(0))
        shown.show(chunk(1))
        shown.show(final(4))
    written = text(terminal)
    assert "waiting" in written, "the other job has no result yet"
    assert "0:00:58 - 0:01:58  text 1" in written
    assert "succeeded, 4 of 4 chunks, 2.0 s  all of it" in written
    last = written[written.rindex("chunks ") :]
    assert "succeeded" in last
    assert "4/4" in last


def test_an_answer_that_goes_to_stdout_does_not_scroll_by(terminal: Console) -> None:
    with LiveTable(terminal, [], answers=False) as shown:
        shown.show(final(4))
    assert "all of it" not in text(terminal)


def test_answers_are_neither_markup_nor_orders_to_the_terminal(terminal: Console) -> None:
    stream = io.StringIO()
    for shown in (LiveTable(terminal, []), Lines(stream)):
        with shown:
            shown.show(chunk(0).model_copy(update={"response": "[red]alarm[/red] \x1b]0;title\x07 [/nonsense]"}))
            shown.show(final(4).model_copy(update={"aggregated_response": "[bold]x\x9b2J\u202e[/bold] [/"}))
    for written in (text(terminal), stream.getvalue()):
        assert "[red]alarm[/red] �]0;title� [/nonsense]" in written
        assert "[bold]x�2J�[/bold] [/" in written


def test_long_answers_are_cut_on_a_terminal_and_whole_in_a_pipe(terminal: Console) -> None:
    long = chunk(0).model_copy(update={"response": "x" * 5_000})
    with LiveTable(terminal, []) as shown:
        shown.show(long)
    written = text(terminal)
    assert "…" in written
    assert 250 < written.count("x") < 300, "three lines"
    assert "x" * 5_000 in line(long, 1)
