"""Shows jobs as their results come: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import IO, Protocol, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from consumer.cli.format import chunk_text, failure, one_line, span, summary
from consumer.events.models import ChunkResult, VideoResult

_TEXT_WIDTH = 60


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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is kept open."""

    def show(self, event: ChunkResult | VideoResult) -> None:
        print(line(event), file=self._stream, flush=True)


class Bars:
    """A bar a job: chunks done of chunks planned, and the latest text.

    Args:
        jobs: shown as waiting until their first result comes.
    """

    def __init__(self, console: Console, jobs: Iterable[str]) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[text]}"),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}
        for job_id in jobs:
            self._task(job_id)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, event: ChunkResult | VideoResult) -> None:
        task = self._task(event.job_id)
        if isinstance(event, ChunkResult):
            text = f"{span(event)}  {_cut(one_line(chunk_text(event)))}"
            self._progress.update(task, total=event.num_chunks, advance=1, text=escape(text))
            return
        colour = "green" if event.status == "succeeded" else "red"
        done = max(event.num_chunks, 1)
        self._progress.update(
            task, total=done, completed=len(event.chunks) or done, text=f"[{colour}]{escape(summary(event))}[/]"
        )
        self._progress.stop_task(task)
        self._progress.console.print(f"[bold]{escape(event.job_id)}[/]  {escape(_answer(event))}")

    def _task(self, job_id: str) -> TaskID:
        if job_id not in self._tasks:
            self._tasks[job_id] = self._progress.add_task(escape(job_id), total=None, text="waiting")
        return self._tasks[job_id]


def display(stream: IO[str], jobs: Iterable[str]) -> Display:
    """Bars where the stream is a terminal, else lines."""
    console = Console(file=stream)
    return Bars(console, jobs) if console.is_terminal else Lines(stream)


def line(event: ChunkResult | VideoResult) -> str:
    """A result as one line: the job, which part of it, and the text."""
    if isinstance(event, VideoResult):
        return f"{event.job_id}  {summary(event)}  {one_line(_answer(event))}".rstrip()
    part = f"chunk {event.chunk_index + 1} of {event.num_chunks}"
    state = "" if event.success else "failed  "
    return f"{event.job_id}  {part}  {span(event)}  {state}{one_line(chunk_text(event))}".rstrip()


def _answer(result: VideoResult) -> str:
    if result.error is not None and not result.aggregated_response:
        return failure(result.error)
    return (result.aggregated_response or "").strip()


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_WIDTH else text[: _TEXT_WIDTH - 1] + "…"
