"""Shows jobs as their results come: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import IO, Protocol, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from consumer.cli.board import Board
from consumer.cli.board_table import board_table, shortened
from consumer.cli.format import answer_text, chunk_text, failure, one_line, printable, span, summary
from consumer.events.models import ChunkResult, VideoResult

LINES_OF_TEXT = 3
"""Of each chunk, on a terminal."""
_NAME_WIDTH = 16
_REFRESHES = 4


class Display(Protocol):
    """Where results are shown while a command follows jobs; a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, event: ChunkResult | VideoResult) -> None: ...


class Lines:
    """One line a result."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._board = Board()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is kept open."""

    def show(self, event: ChunkResult | VideoResult) -> None:
        row = self._board.take(event, time.monotonic())
        print(printable(line(event, row.done)), file=self._stream, flush=True)


class LiveTable:
    """A table of the jobs at the foot of the terminal, above which the newest texts scroll.

    Args:
        jobs: shown as waiting until their first result comes.
        answers: whether the answer of a job scrolls by, too.
    """

    def __init__(self, console: Console, jobs: Iterable[str], *, answers: bool = True) -> None:
        self._console, self._answers = console, answers
        self._board, self._lock = Board(), threading.Lock()
        for job_id in jobs:
            self._board.row(job_id)
        self._live = Live(
            console=console,
            get_renderable=self.table,
            refresh_per_second=_REFRESHES,
            # It may be a pipe beside this console.
            redirect_stdout=False,
        )

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, event: ChunkResult | VideoResult) -> None:
        with self._lock:
            self._board.take(event, time.monotonic())
        name = shortened(event.job_id, _NAME_WIDTH)
        if isinstance(event, ChunkResult):
            text = f"{span(event)}  {one_line(chunk_text(event))}"
            style = "" if event.success else "red"
        else:
            text = f"{summary(event)}  {one_line(_answer(event))}" if self._answers else summary(event)
            style = "green" if event.status == "succeeded" else "red"
        shown = _cut(f"{name}  {text}", self._console.width * LINES_OF_TEXT)
        self._console.print(Text(shown, style=style))

    def table(self) -> RenderableType:
        """As it is now."""
        with self._lock:
            return board_table(self._board, time.monotonic(), self._console.width, self._console.height)


def display(stream: IO[str], jobs: Iterable[str], *, answers: bool = True) -> Display:
    """A table where the stream is a terminal that can show one, else lines."""
    console = Console(file=stream)
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveTable(console, jobs, answers=answers)
    return Lines(stream)


def line(event: ChunkResult | VideoResult, done: int) -> str:
    """A result as one line: the job, which part of it, and the text.

    Args:
        done: how many chunks of the job there are with this one.
    """
    if isinstance(event, VideoResult):
        return f"{event.job_id}  {summary(event)}  {one_line(_answer(event))}".rstrip()
    number = event.chunk_index + 1
    # A second look keeps the numbers of the first, and takes fewer.
    zoomed = event.provenance.source_run_id is not None
    part = f"chunk {number}, {done} of {event.num_chunks}" if zoomed else f"chunk {number} of {event.num_chunks}"
    state = "" if event.success else "failed  "
    return f"{event.job_id}  {part}  {span(event)}  {state}{one_line(chunk_text(event))}".rstrip()


def _answer(result: VideoResult) -> str:
    if result.error is not None and not result.aggregated_response:
        return failure(result.error)
    return answer_text(result)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
